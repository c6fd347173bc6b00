/**
 * Buttons of cells in themes whose rules outweigh the cells' own.
 *
 * A rule such as `.entry-content button` has more weight than the style sheet of cells, which lets a
 * page's rule for `.sagecell_evalButton` win. A button beside the cell tells the two apart: only the
 * theme's rules apply to it. Where a theme wins, and the page has no rules of its own for the cell's
 * buttons, a second style sheet is loaded: the cells' rules for buttons with more weight (firm.ts).
 */

/** On cells to which the second style sheet applies. */
const FIRM = "sagecell_firm";

/** What styles/theme.css sets for a button in `.sagecell_probe`, in the weight of the cells' rules. */
const PROBED: Readonly<Record<string, string>> = {
  "background-color": "rgb(1, 2, 3)",
  color: "rgb(1, 2, 3)",
  "border-top-color": "rgb(1, 2, 3)",
  "border-top-width": "7px",
  "border-top-left-radius": "7px",
  "padding-top": "7px",
  "padding-left": "7px",
  "text-transform": "lowercase",
  "letter-spacing": "7px",
};

/** A cell, and three elements that are on the page until their styles have been read. */
interface Probe {
  readonly cell: HTMLElement;
  /** A button that only the theme's rules apply to, beside those of the probe itself. */
  readonly beside: HTMLElement;
  /** A button in the cell. */
  readonly own: HTMLElement;
  /** No button, with the cells' rules for that button and no others. */
  readonly reference: HTMLElement;
}

/** Keeps the looks of buttons of cells. */
export class FirmButtons {
  readonly #addSheet: () => void;
  #hasSheet = false;
  /** Whether the theme wins, for cells in one parent's children of the same class. */
  #known = new WeakMap<Element, Map<string, boolean>>();

  /** `addSheet` adds the second style sheet to the page; called at most once. */
  constructor(addSheet: () => void) {
    this.#addSheet = addSheet;
  }

  /** Looks at the theme of cells on the page; those that have been found to need the sheet keep it. */
  adapt(cells: readonly HTMLElement[], isOtherTheme = false): void {
    if (isOtherTheme) this.#known = new WeakMap();
    const loose = cells.filter(({ classList }) => !classList.contains(FIRM));
    this.#look(loose);
    const themed = loose.filter((cell) => this.#among(cell).get(kind(cell)) === true);
    for (const cell of themed) cell.classList.add(FIRM);
    if (themed.length === 0 || this.#hasSheet) return;
    this.#hasSheet = true;
    this.#addSheet();
  }

  /** Looks at one cell of each kind that is not known: reading styles takes long on a large page. */
  #look(cells: readonly HTMLElement[]): void {
    const chosen = cells.filter((cell) => {
      const among = this.#among(cell);
      if (among.has(kind(cell))) return false;
      among.set(kind(cell), false);
      return true;
    });
    // All is added before anything is read, so that the browser computes styles once.
    const probes = chosen.map(probeFor);
    for (const probe of probes) {
      const isTheirs = isThemes(probe);
      // Without the cells' style sheet, nothing can be told.
      if (isTheirs === null) this.#among(probe.cell).delete(kind(probe.cell));
      else this.#among(probe.cell).set(kind(probe.cell), isTheirs);
    }
    for (const { beside, own, reference } of probes) {
      for (const each of [beside, own, reference]) each.parentElement?.remove();
    }
  }

  #among(cell: HTMLElement): Map<string, boolean> {
    const place = cell.parentElement?.parentElement ?? document.documentElement;
    const known = this.#known.get(place) ?? new Map<string, boolean>();
    this.#known.set(place, known);
    return known;
  }
}

/** What tells apart, in the rules of themes, cells that are near each other. */
function kind(cell: HTMLElement): string {
  const { tagName = "", className = "" } = cell.parentElement ?? {};
  return `${tagName} ${className}`;
}

function probeFor(cell: HTMLElement): Probe {
  const beside = document.createElement("button");
  const own = document.createElement("button");
  const reference = document.createElement("span");
  own.className = "sagecell_evalButton";
  reference.className = "sagecell_reference";
  cell.after(hidden(beside, "sagecell_probe"));
  cell.append(hidden(own), hidden(reference));
  return { cell, beside, own, reference };
}

function hidden(element: HTMLElement, className = ""): HTMLElement {
  // The same padding in em is the same number of pixels.
  element.style.setProperty("font-size", "20px", "important");
  const around = document.createElement("span");
  around.className = className;
  around.hidden = true;
  around.append(element);
  return around;
}

/**
 * Whether a theme outweighs the cells' rules for buttons, and the page has no rules of its own for them.
 *
 * Null without the cells' style sheet.
 */
function isThemes({ beside, own, reference }: Probe): boolean | null {
  const [theme, shown, meant] = [
    getComputedStyle(beside),
    getComputedStyle(own),
    getComputedStyle(reference),
  ];
  if (theme.getPropertyValue("--sagecell-probe") === "") return null;
  let isTaken = false;
  for (const [name, unusual] of Object.entries(PROBED)) {
    const set = theme.getPropertyValue(name);
    const expected = set === unusual ? meant.getPropertyValue(name) : set;
    if (shown.getPropertyValue(name) !== expected) return false;
    isTaken ||= set !== unusual;
  }
  return isTaken;
}
