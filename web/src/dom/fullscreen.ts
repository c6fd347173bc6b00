/** Lets a cell fill the window: toggled by a button or F11, left with Escape. */

import { button } from "./elements";

/** The toggle button, and the keys while the focus is within the element. */
export class FullScreen {
  readonly button = button("", "sagecell_fullScreen sagecell_icon-resize-full", () =>
    this.toggle(),
  );
  readonly #element: HTMLElement;

  /** `element` is the element that fills the window. */
  constructor(element: HTMLElement) {
    this.#element = element;
    this.#show(false);
    element.addEventListener("keydown", (event) => {
      if (event.key === "F11" && !event.altKey && !event.ctrlKey && !event.metaKey) this.toggle();
      else if (event.key === "Escape" && this.isEnabled && !event.defaultPrevented) {
        this.#show(false);
        this.button.focus();
      } else return;
      event.preventDefault();
    });
  }

  /** Whether the element fills the window. */
  get isEnabled(): boolean {
    return this.#element.classList.contains("sagecell_fullScreenEnabled");
  }

  /** Fills the window, or restores the page. */
  toggle(): void {
    this.#show(!this.isEnabled);
  }

  #show(isEnabled: boolean): void {
    this.#element.classList.toggle("sagecell_fullScreenEnabled", isEnabled);
    this.button.classList.toggle("sagecell_icon-resize-full", !isEnabled);
    this.button.classList.toggle("sagecell_icon-resize-small", isEnabled);
    this.button.setAttribute("aria-pressed", String(isEnabled));
    this.button.setAttribute("aria-label", isEnabled ? "Leave full screen" : "Full screen");
    this.button.title = isEnabled ? "Leave full screen (Escape)" : "Full screen (F11)";
  }
}
