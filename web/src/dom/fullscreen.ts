/** Lets a cell fill the window: toggled by a button or F11, left with Escape or with the focus. */

import { button } from "./elements";

/** What each of two elements has besides the class of both. */
const HALVES = ["sagecell_upperHalf", "sagecell_lowerHalf"];

/** The toggle button, and the keys while the focus is within the cell. */
export class FullScreen {
  readonly button = button("", "sagecell_fullScreen sagecell_icon-resize-full", () =>
    this.toggle(),
  );
  readonly #parts: readonly HTMLElement[];
  readonly #listening = new AbortController();
  #isEnabled = false;

  /** `parts` fill the window: one element, or the input above the output. */
  constructor(parts: readonly HTMLElement[]) {
    this.#parts = parts;
    this.#show(false);
    const { signal } = this.#listening;
    for (const part of parts) {
      part.addEventListener("keydown", (event) => this.#pressed(event), { signal });
      part.addEventListener("focusout", (event) => this.#left(event), { signal });
    }
  }

  /** Whether the cell fills the window. */
  get isEnabled(): boolean {
    return this.#isEnabled;
  }

  /** Fills the window, or restores the page. */
  toggle(): void {
    this.#show(!this.#isEnabled);
  }

  /** Restores the page, and listens no more. */
  dispose(): void {
    this.#listening.abort();
    this.#show(false);
  }

  #pressed(event: KeyboardEvent): void {
    if (event.key === "F11" && !event.altKey && !event.ctrlKey && !event.metaKey) this.toggle();
    else if (event.key === "Escape" && this.#isEnabled && !event.defaultPrevented) {
      this.#show(false);
      this.button.focus();
    } else return;
    event.preventDefault();
  }

  /** Otherwise the focus would be on something behind the cell. */
  #left({ relatedTarget }: FocusEvent): void {
    if (!this.#isEnabled || !(relatedTarget instanceof Element)) return;
    if (!this.#parts.some((part) => part.contains(relatedTarget))) this.#show(false);
  }

  #show(isEnabled: boolean): void {
    this.#isEnabled = isEnabled;
    this.#parts.forEach((part, at) => {
      part.classList.toggle("sagecell_fullScreenEnabled", isEnabled);
      const half = HALVES[at];
      if (this.#parts.length > 1 && half !== undefined) part.classList.toggle(half, isEnabled);
    });
    this.button.classList.toggle("sagecell_icon-resize-full", !isEnabled);
    this.button.classList.toggle("sagecell_icon-resize-small", isEnabled);
    this.button.setAttribute("aria-pressed", String(isEnabled));
    this.button.setAttribute("aria-label", isEnabled ? "Leave full screen" : "Full screen");
    this.button.title = isEnabled ? "Leave full screen (Escape)" : "Full screen (F11)";
  }
}
