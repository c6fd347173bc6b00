/** A sentence in the place of what cannot be shown. */

import type { CommView } from "./api";

export class Note implements CommView {
  readonly element = document.createElement("p");

  constructor(sentence: string) {
    this.element.className = "sagecell_note";
    this.element.textContent = sentence;
  }

  take(): void {
    // It is not shown.
  }

  flush(): void {
    // Nothing is waited for.
  }

  drawn(): void {
    // Nor is a script.
  }

  end(): void {
    // Nothing to be ended.
  }
}
