/** Colour schemes: cells are dark where the page behind them is dark, whether or not it says so. */

/** The classes that set the `color-scheme` of a cell; see styles/cell.css. */
const CLASSES = { dark: "sagecell_onDark", light: "sagecell_onLight" };

type Scheme = keyof typeof CLASSES;

/** The property with the background behind a cell, if the colours of text are legible on it. */
const GROUND = "--sagecell-ground";

/** A background: whether it is dark or light, and its colour if text is legible on it. */
interface Ground {
  readonly scheme: Scheme;
  readonly colour: string | null;
}

/** The relative luminance below which white text has more contrast than black text. */
const MIDDLE = 0.179;

/** Between these, a background is too grey for the colours of styles/theme.css and styles/ansi.css. */
const DARK_ENOUGH = 0.025;
const LIGHT_ENOUGH = 0.87;

/**
 * Keeps cells as dark or light as what is behind them.
 *
 * Many pages have a switch that sets an attribute and paints everything anew, without `color-scheme`.
 */
export class Surroundings {
  readonly #cells = new Set<HTMLElement>();
  #isWatching = false;
  #isScheduled = false;

  /** Adds a cell, which is adapted before the browser next paints. */
  add(cell: HTMLElement): void {
    this.#cells.add(cell);
    if (!this.#isWatching) onThemeChange(() => this.#adapt());
    this.#isWatching = true;
    if (this.#isScheduled) return;
    // One look at the page for all cells that are made together.
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      this.#adapt();
    });
  }

  /** Leaves a cell as it is. */
  remove(cell: HTMLElement): void {
    this.#cells.delete(cell);
  }

  #adapt(): void {
    // Pages may have removed cells without a word.
    for (const cell of this.#cells) if (!cell.isConnected) this.#cells.delete(cell);
    // All is read before anything is written, so that the browser computes styles twice at most.
    const behind = Array.from(this.#cells, (cell) => [cell, groundBehind(cell)] as const);
    for (const [cell, ground] of behind) dress(cell, ground);
    const own = behind.map(([cell, ground]) => [cell, ground, groundOf(cell)] as const);
    for (const [cell, ground, painted] of own) {
      // A page may have given its cells a background, which counts more than what is behind it.
      const isOther = painted !== null && painted.scheme !== ground?.scheme;
      if (ground !== null && isOther) dress(cell, { ...painted, colour: null });
    }
  }
}

/** Calls `changed` when the theme may have changed; the result ends that. */
export function onThemeChange(changed: () => void): () => void {
  const night = matchMedia("(prefers-color-scheme: dark)");
  night.addEventListener("change", changed);
  // Pages that have a switch for it set attributes of these elements.
  const observer = new MutationObserver(changed);
  for (const element of [document.documentElement, document.body]) {
    observer.observe(element, { attributes: true });
  }
  // Some take a while to change their background.
  const faded = ({ propertyName }: TransitionEvent) => {
    if (propertyName === "background-color") changed();
  };
  document.addEventListener("transitionend", faded);
  return () => {
    night.removeEventListener("change", changed);
    observer.disconnect();
    document.removeEventListener("transitionend", faded);
  };
}

function dress(cell: HTMLElement, ground: Ground | null): void {
  for (const [name, className] of Object.entries(CLASSES)) {
    cell.classList.toggle(className, name === ground?.scheme);
  }
  cell.style.setProperty(GROUND, ground?.colour ?? "");
}

/** The nearest background behind a cell; null if the page has none. */
function groundBehind(cell: HTMLElement): Ground | null {
  for (let element = cell.parentElement; element !== null; element = element.parentElement) {
    const ground = groundOf(element);
    if (ground !== null) return ground;
  }
  return null;
}

/** An element's own background; null if one sees through it. */
function groundOf(element: HTMLElement): Ground | null {
  const colour = getComputedStyle(element).backgroundColor;
  const luminance = luminanceOf(colour);
  if (luminance === null) return null;
  const isFit = luminance <= DARK_ENOUGH || luminance >= LIGHT_ENOUGH;
  return { scheme: luminance < MIDDLE ? "dark" : "light", colour: isFit ? colour : null };
}

/**
 * The relative luminance of a computed colour, from 0 to 1; null if it is transparent, or unknown.
 *
 * Browsers compute names, hexadecimal and HSL colours to rgb(), and leave the other notations. This is
 * exact for greys, which is enough to tell dark from light.
 */
export function luminanceOf(colour: string): number | null {
  const [, notation = "", list = ""] = /^([a-z]+)\((.*)\)$/.exec(colour) ?? [];
  const values = notation === "color" ? list.replace(/^[\w-]+ /, "") : list;
  const numbers = values.split(/[\s,/]+/).map((value) => parseFloat(value) || 0);
  const [first = 0, second = 0, third = 0, alpha = 1] = numbers;
  if (numbers.length < 3 || alpha <= 0.5) return null;
  const mixed = (most: number) =>
    0.2126 * (first / most) ** 2.2 +
    0.7152 * (second / most) ** 2.2 +
    0.0722 * (third / most) ** 2.2;
  switch (notation) {
    case "rgb":
    case "rgba":
      return mixed(255);
    case "color":
      return mixed(1);
    case "oklab":
    case "oklch":
      return first ** 3;
    case "lab":
    case "lch":
      return ((first + 16) / 116) ** 3;
    default:
      return null;
  }
}
