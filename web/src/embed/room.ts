/** The height of cells whose elements have been parsed, kept free until the whole page has been. */

import { elementsAt } from "./elements";

/** What is set on an element, and removed again. */
const STYLE = { "box-sizing": "content-box", visibility: "hidden" };

/** The elements of one page for which a height is kept free. */
export class Rooms {
  readonly #kept = new Set<HTMLElement>();

  /** Keeps the height free that `heightOf` gives for each parsed element at `location`. */
  keep(location: unknown, heightOf: (element: HTMLElement) => string): void {
    for (const element of elementsAt(location)) {
      if (this.#kept.has(element) || !isParsed(element)) continue;
      this.#kept.add(element);
      const style = { ...STYLE, height: heightOf(element) };
      for (const [name, value] of Object.entries(style)) element.style.setProperty(name, value);
      element.classList.add("sagecell");
    }
  }

  /** Leaves all elements as they were. */
  release(): void {
    for (const element of this.#kept) {
      for (const name of ["height", ...Object.keys(STYLE)]) element.style.removeProperty(name);
      element.classList.remove("sagecell");
    }
    this.#kept.clear();
  }
}

/** Whether the parser has left the element: something follows it, or an element around it. */
function isParsed(element: HTMLElement): boolean {
  for (let node: Node | null = element; node !== null; node = node.parentNode) {
    if (node.nextSibling !== null) return true;
  }
  return false;
}
