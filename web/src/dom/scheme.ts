/** Colour schemes: cells are dark where the page behind them is dark, whether or not it says so. */

/** Properties that styles/cell.css reads; a page's own rules for cells override what comes of them. */
const SCHEME = "--sagecell-scheme";
const GROUND = "--sagecell-ground";

/** A background: whether it is dark or light, and its colour if text is legible on it. */
interface Ground {
  readonly scheme: "dark" | "light";
  readonly colour: string | null;
}

/** The relative luminance below which white text has more contrast than black text. */
const MIDDLE = 0.179;

/** Between these, a background is too grey for the colours of text: see output/text/colour.ts. */
const DARK_ENOUGH = 0.024;
const LIGHT_ENOUGH = 0.872;

/** Called with cells that were added, and with all after a change of the theme. */
type OnAdapted = (cells: readonly HTMLElement[], isOtherTheme: boolean) => void;

/**
 * Keeps cells as dark or light as what is behind them.
 *
 * Many pages have a switch that sets an attribute and paints everything anew, without `color-scheme`.
 */
export class Surroundings {
  readonly #onAdapted: OnAdapted;
  readonly #cells = new Set<HTMLElement>();
  /** Those that wait to be adapted for the first time. */
  readonly #added = new Set<HTMLElement>();
  #isWatching = false;

  constructor(onAdapted: OnAdapted = () => undefined) {
    this.#onAdapted = onAdapted;
  }

  /** Adds a cell, which is adapted before the browser next paints; a page's body stays as it is. */
  add(cell: HTMLElement): void {
    // It is watched: a change of its style would be another change of the theme, without end.
    if (cell === document.body) return;
    this.#cells.add(cell);
    if (!this.#isWatching) onThemeChange((isFade) => this.#themeChanged(isFade));
    this.#isWatching = true;
    const isAwaited = this.#added.size > 0;
    this.#added.add(cell);
    if (isAwaited) return;
    // One look at the page for all cells that are made together.
    queueMicrotask(() => {
      const added = [...this.#added];
      this.#added.clear();
      this.#adapt(added);
      this.#onAdapted(
        added.filter((each) => this.#cells.has(each)),
        false,
      );
    });
  }

  /** Leaves a cell as it is. */
  remove(cell: HTMLElement): void {
    this.#cells.delete(cell);
  }

  #themeChanged(isFade: boolean): void {
    this.#adapt([...this.#cells]);
    if (!isFade) this.#onAdapted([...this.#cells], true);
  }

  #adapt(cells: readonly HTMLElement[]): void {
    // Pages may have removed cells without a word; those that they insert again are added again.
    for (const cell of this.#cells) if (!cell.isConnected) this.#cells.delete(cell);
    // All is read before anything is written, so that the browser computes styles twice at most.
    const known = new Map<Element, Ground | null>();
    const behind = cells
      .filter((cell) => this.#cells.has(cell))
      .map((cell) => [cell, groundAt(cell.parentElement, known)] as const);
    for (const [cell, ground] of behind) dress(cell, ground);
    const own = behind.map(([cell, ground]) => [cell, ground, groundOf(cell)] as const);
    for (const [cell, ground, painted] of own) {
      // A page may have given its cells a background, which counts more than what is behind it.
      const isOther = painted !== null && painted.scheme !== ground?.scheme;
      if (ground !== null && isOther) dress(cell, { ...painted, colour: null });
    }
  }
}

/**
 * Calls `changed` when the theme may have changed; the result ends that.
 *
 * `isFade` if it is only a background, anywhere on the page, that has arrived at its new colour.
 */
export function onThemeChange(changed: (isFade: boolean) => void): () => void {
  const night = matchMedia("(prefers-color-scheme: dark)");
  const switched = () => changed(false);
  night.addEventListener("change", switched);
  // Pages that have a switch for it set attributes of these elements.
  const observer = new MutationObserver(switched);
  for (const element of [document.documentElement, document.body]) {
    observer.observe(element, { attributes: true });
  }
  // Some take a while to change their background.
  const faded = ({ propertyName }: TransitionEvent) => {
    if (propertyName === "background-color") changed(true);
  };
  document.addEventListener("transitionend", faded);
  return () => {
    night.removeEventListener("change", switched);
    observer.disconnect();
    document.removeEventListener("transitionend", faded);
  };
}

function dress(cell: HTMLElement, ground: Ground | null): void {
  cell.style.setProperty(SCHEME, ground?.scheme ?? "");
  cell.style.setProperty(GROUND, ground?.colour ?? "");
}

/** The background of an element, or the nearest one behind it, which is then known; null for none. */
function groundAt(element: Element | null, known: Map<Element, Ground | null>): Ground | null {
  if (element === null) return null;
  const ground = known.get(element) ?? groundOf(element) ?? groundAt(element.parentElement, known);
  known.set(element, ground);
  return ground;
}

/** An element's own background; null if one sees through it. */
function groundOf(element: Element): Ground | null {
  const colour = getComputedStyle(element).backgroundColor;
  const luminance = luminanceOf(colour);
  if (luminance === null) return null;
  const isFit = luminance <= DARK_ENOUGH || luminance >= LIGHT_ENOUGH;
  return { scheme: luminance < MIDDLE ? "dark" : "light", colour: isFit ? colour : null };
}

/**
 * The relative luminance of a computed colour, from 0 to 1; null if it is transparent, or unknown.
 *
 * Browsers compute names, hexadecimal and HSL colours to rgb(), and leave the other notations. Those are
 * exact for greys, which is enough to tell dark from light.
 */
export function luminanceOf(colour: string): number | null {
  const [, notation = "", list = ""] = /^([a-z]+)\((.*)\)$/.exec(colour) ?? [];
  const values = notation === "color" ? list.replace(/^[\w-]+ /, "") : list;
  const numbers = values.split(/[\s,/]+/).map((value) => parseFloat(value) || 0);
  const [first = 0, second = 0, third = 0, alpha = 1] = numbers;
  if (numbers.length < 3 || alpha <= 0.5) return null;
  const mixed = (most: number) =>
    0.2126 * linear(first / most) + 0.7152 * linear(second / most) + 0.0722 * linear(third / most);
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

/** The intensity of a channel of sRGB, both from 0 to 1. */
function linear(share: number): number {
  return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
}
