/** Colours that programs ask for, and how they stay readable on this page's two grounds. */

/** Red, green and blue, 0 to 255. */
export type Rgb = readonly [number, number, number];

/** One of the sixteen that a theme names, or an exact one. */
export type Colour = { readonly index: number } | { readonly rgb: Rgb };

export const NAMES = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];

/** The grounds that text stands on, as styles/theme.css has them. */
const PAPER: Rgb = [253, 252, 249];
const NIGHT: Rgb = [23, 25, 28];

/** WCAG 2.2 level AA for text. */
const CONTRAST = 4.5;

/** Entry `index` (0 to 255) of xterm's palette. */
export function indexed(index: number): Colour {
  if (index < 16) return { index };
  if (index < 232) {
    const step = (value: number) => (value === 0 ? 0 : 55 + 40 * value);
    const cube = index - 16;
    return {
      rgb: [step(Math.floor(cube / 36)), step(Math.floor(cube / 6) % 6), step(cube % 6)],
    };
  }
  const grey = 8 + 10 * (index - 232);
  return { rgb: [grey, grey, grey] };
}

/** `rgb` for text on light and on dark paper, moved towards black or white as far as need be. */
export function legible(rgb: Rgb): { readonly light: string; readonly dark: string } {
  return {
    light: css(towards(rgb, 0, PAPER)),
    dark: css(towards(rgb, 255, NIGHT)),
  };
}

/** Whichever of the two is easier to read on `ground`. */
export function blackOrWhite(ground: Rgb): Rgb {
  return contrast([0, 0, 0], ground) > contrast([255, 255, 255], ground)
    ? [0, 0, 0]
    : [255, 255, 255];
}

export function css(rgb: Rgb): string {
  return `rgb(${rgb.join(" ")})`;
}

/** The ratio of WCAG 2.2, from 1 to 21. */
export function contrast(one: Rgb, other: Rgb): number {
  const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b) as [
    number,
    number,
  ];
  return (light + 0.05) / (dark + 0.05);
}

/** `rgb` mixed with black (`end` is 0) or white (255) until it is legible. */
function towards(rgb: Rgb, end: 0 | 255, ground: Rgb): Rgb {
  for (let share = 0; share < 1; share += 0.05) {
    const mixed = rgb.map((value) => Math.round(value + (end - value) * share));
    if (contrast(mixed as unknown as Rgb, ground) >= CONTRAST) return mixed as unknown as Rgb;
  }
  return [end, end, end];
}

function luminance(rgb: Rgb): number {
  const [r, g, b] = rgb.map((value) => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
