/** Colour schemes: cells are dark where the page behind them is dark, whether or not it says so. */

/** The classes that set the `color-scheme` of a cell; see styles/cell.css. */
const CLASSES = { dark: "sagecell_onDark", light: "sagecell_onLight" };

type Scheme = keyof typeof CLASSES;

/** The relative luminance below which white text has more contrast than black text. */
const MIDDLE = 0.179;

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
    const behind = Array.from(this.#cells, (cell) => [cell, schemeBehind(cell)] as const);
    for (const [cell, scheme] of behind) dress(cell, scheme);
    const own = behind.map(([cell, scheme]) => [cell, scheme, schemeOf(cell)] as const);
    for (const [cell, scheme, painted] of own) {
      // A page may have given its cells a background, which counts more than what is behind it.
      if (scheme !== null && painted !== null && painted !== scheme) dress(cell, painted);
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

function dress(cell: HTMLElement, scheme: Scheme | null): void {
  for (const [name, className] of Object.entries(CLASSES)) {
    cell.classList.toggle(className, name === scheme);
  }
}

/** The scheme of the nearest background behind a cell; null if the page has none. */
function schemeBehind(cell: HTMLElement): Scheme | null {
  for (let element = cell.parentElement; element !== null; element = element.parentElement) {
    const scheme = schemeOf(element);
    if (scheme !== null) return scheme;
  }
  return null;
}

/** Whether an element's own background is dark or light; null if one sees through it. */
function schemeOf(element: HTMLElement): Scheme | null {
  const luminance = luminanceOf(getComputedStyle(element).backgroundColor);
  if (luminance === null) return null;
  return luminance < MIDDLE ? "dark" : "light";
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
