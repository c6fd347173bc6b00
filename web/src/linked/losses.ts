/** Cells that share a kernel, and what a cell says when the variables of others are gone with it. */

import { button, division } from "../dom/elements";

/** A cell that shares its kernel with others. */
export interface LinkedCell {
  /** The cell's place on the page. */
  readonly element: HTMLElement;
  evaluate(): void;
}

/** The cells that share one kernel, as far as their variables are gone. */
export class LinkedCells {
  readonly #lost = new Set<LinkedCell>();

  /** The cell's variables are gone: its kernel has ended. */
  lose(cell: LinkedCell): void {
    this.#lost.add(cell);
  }

  /** The cell is evaluated again, or removed. */
  forget(cell: LinkedCell): void {
    this.#lost.delete(cell);
  }

  /** The cells above `cell` whose variables are gone, from the top of the page. */
  above({ element }: LinkedCell): LinkedCell[] {
    return [...this.#lost]
      .filter((other) => isAbove(other.element, element))
      .sort((one, other) => (isAbove(one.element, other.element) ? -1 : 1));
  }
}

function isAbove(one: HTMLElement, other: HTMLElement): boolean {
  const { DOCUMENT_POSITION_DISCONNECTED: apart, DOCUMENT_POSITION_FOLLOWING: after } = Node;
  return (one.compareDocumentPosition(other) & (apart | after)) === after;
}

/** The notice in a cell that was evaluated without the variables of the cells above. */
export class LossNotice {
  readonly element = division("sagecell_lost");
  readonly #words = document.createElement("p");
  readonly #button: HTMLButtonElement;

  /** `again` is called when the button is pressed: it evaluates those cells, then this one. */
  constructor(again: () => void) {
    this.#button = button("Evaluate those and this cell", "sagecell_again", again);
    // The paragraph is empty at first, so that screen readers announce its text.
    this.#words.setAttribute("role", "status");
    this.element.append(this.#words, this.#button);
    this.show(false);
  }

  /** Shows the notice, or removes it. */
  show(isShown: boolean): void {
    this.#words.textContent = isShown
      ? "The session has ended since: the variables of the cells above are gone."
      : "";
    this.#button.hidden = !isShown;
    this.element.classList.toggle("sagecell_empty", !isShown);
  }
}
