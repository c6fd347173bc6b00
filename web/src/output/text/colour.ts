/** ANSI colours, adjusted for contrast with the page's light and dark backgrounds. */

/** Red, green and blue, 0 to 255. */
export type Rgb = readonly [number, number, number];

/** One of the theme's sixteen colours (`index` 0 to 15), or an exact one. */
export type Colour = { readonly index: number } | { readonly rgb: Rgb };

/** The names of the colours 0 to 7; 8 to 15 are their intense forms. */
export const NAMES = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];

/** The greyest backgrounds of text in the light and in the dark theme; see dom/scheme.ts. */
const PAPER: Rgb = [240, 240, 240];
const NIGHT: Rgb = [43, 43, 43];

/** The minimal contrast of text, WCAG 2.2 level AA. */
const CONTRAST = 4.5;

/** Entry `index` (0 to 255) of xterm's 256-colour palette. */
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

/** `rgb` for text in either theme, as CSS, moved towards black or white until it is legible. */
export function legible(rgb: Rgb): { readonly light: string; readonly dark: string } {
  return {
    light: css(towards(rgb, 0, PAPER)),
    dark: css(towards(rgb, 255, NIGHT)),
  };
}

/** Black or white, whichever has more contrast with `ground`. */
export function blackOrWhite(ground: Rgb): Rgb {
  return contrast([0, 0, 0], ground) > contrast([255, 255, 255], ground)
    ? [0, 0, 0]
    : [255, 255, 255];
}

/** A colour in CSS. */
export function css(rgb: Rgb): string {
  return `rgb(${rgb.join(" ")})`;
}

/** The contrast ratio of two colours as WCAG 2.2 defines it, from 1 to 21. */
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
