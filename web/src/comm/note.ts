/** A sentence in the place of what cannot be shown. */

import { note } from "../dom/elements";
import type { CommView } from "./api";

export class Note implements CommView {
  readonly element: HTMLElement;

  constructor(sentence: string) {
    this.element = note(sentence);
  }

  handle(): void {
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
