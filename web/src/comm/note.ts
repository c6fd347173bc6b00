/** A sentence in the place of a comm that the page cannot show. */

import { note } from "../dom/elements";
import type { CommView } from "./api";

/** A view that ignores all messages. */
export class Note implements CommView {
  readonly element: HTMLElement;

  constructor(sentence: string) {
    this.element = note(sentence);
  }

  handle(): void {
    // A note never changes.
  }

  flush(): void {
    // It shows no files.
  }

  drawn(): void {
    // It uses no scripts.
  }

  end(): void {
    // It sends no events.
  }
}
