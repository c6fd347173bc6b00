/** The notice about output that the page does not show, with buttons to show or download it. */

import { download } from "../dom/download";
import { button } from "../dom/elements";
import { htmlReader } from "./html";
import { renderTraceback } from "./mime";
import type { ErrorItem, Transcript } from "./text/transcript";

/** The part of the transcript that is on the page. */
export interface Progress {
  /** The index of the first item that is not shown completely. */
  readonly item: number;
  /** The number of characters that are shown. */
  readonly characters: number;
}

/** The notice, and the error that ended the program if that is not shown otherwise. */
export class Overflow {
  readonly element = document.createElement("div");
  readonly #transcript: Transcript;
  readonly #words = document.createElement("p");
  readonly #error = document.createElement("div");
  #shownError: ErrorItem | null = null;

  /** `onMore` is called for each click on "Show more". */
  constructor(transcript: Transcript, onMore: () => void) {
    this.#transcript = transcript;
    const notice = document.createElement("div");
    notice.className = "sagecell_overflow";
    notice.append(
      this.#words,
      button("Show more", "sagecell_more", onMore),
      button("Download all as text", "sagecell_download", () => this.#download()),
    );
    this.element.append(notice, this.#error);
    this.element.hidden = true;
  }

  /** Shows how much is missing after `progress`; hides the notice with null. */
  show(progress: Progress | null): void {
    this.element.hidden = progress === null;
    if (progress === null) {
      this.#showError(null);
      return;
    }
    const items = this.#transcript.items.length - progress.item;
    const characters = Math.max(0, this.#transcript.length - progress.characters);
    this.#words.textContent = describeHidden(items, characters);
    this.#showError(lastError(this.#transcript, progress.item));
  }

  /** The error that ended the program is always shown, however much output precedes it. */
  #showError(error: ErrorItem | null): void {
    if (error === this.#shownError) return;
    this.#shownError = error;
    this.#error.replaceChildren(...(error === null ? [] : [renderTraceback(error.traceback)]));
  }

  #download(): void {
    download([...this.#transcript.plainText(htmlReader())], "output.txt", "text/plain");
  }
}

/** The sentence about output that is not shown: "Not shown: 1,234 characters in 3 parts." */
export function describeHidden(items: number, characters: number): string {
  const count = (number: number, one: string, many: string) =>
    `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
  const text = characters > 0 ? [count(characters, "character", "characters")] : [];
  const parts = items > 1 || characters === 0 ? [count(items, "part", "parts")] : [];
  return `Not shown: ${[...text, ...parts].join(" in ")}.`;
}

/** The last error among the last five items, from index `from` on: it has ended the program. */
function lastError(transcript: Transcript, from: number): ErrorItem | null {
  const last = transcript.items.slice(Math.max(from, transcript.items.length - 5));
  return last.findLast((item) => item.kind === "error") ?? null;
}
