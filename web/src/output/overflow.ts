/** What stands in for output that the page does not show: how much it is, and ways to it. */

import { button } from "../dom/elements";
import { renderText } from "./mime";
import type { ErrorItem, Transcript } from "./text/transcript";

/** How far the page has come in the transcript. */
export interface Progress {
  /** The first item that is not shown, or not whole. */
  readonly item: number;
  /** Characters of text that are shown. */
  readonly characters: number;
}

export class Overflow {
  readonly element = document.createElement("div");
  readonly #transcript: Transcript;
  readonly #words = document.createElement("p");
  readonly #error = document.createElement("div");
  #shownError: ErrorItem | null = null;

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

  /** Says what is missing after `progress`; with null, nothing is. */
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

  /** However much was said before it: why the program ended is always in sight. */
  #showError(error: ErrorItem | null): void {
    if (error === this.#shownError) return;
    this.#shownError = error;
    this.#error.replaceChildren(
      ...(error === null ? [] : [renderText(error.traceback, "sagecell_pyerr")]),
    );
  }

  #download(): void {
    const blob = new Blob([...this.#transcript.plainText()], { type: "text/plain;charset=utf-8" });
    const address = URL.createObjectURL(blob);
    const link = document.createElement("a");
    link.href = address;
    link.download = "output.txt";
    link.click();
    // The browser has taken hold of the data once the click has been handled.
    setTimeout(() => URL.revokeObjectURL(address), 10_000);
  }
}

/** The sentence about output that is not shown. */
export function describeHidden(items: number, characters: number): string {
  const count = (number: number, one: string, many: string) =>
    `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
  const text = characters > 0 ? [count(characters, "character", "characters")] : [];
  const parts = items > 1 || characters === 0 ? [count(items, "part", "parts")] : [];
  return `The output goes on for ${[...text, ...parts].join(", in ")}, not shown here.`;
}

/** The error among the last few items from `from` on: one ends a program. */
function lastError(transcript: Transcript, from: number): ErrorItem | null {
  const last = transcript.items.slice(Math.max(from, transcript.items.length - 5));
  return last.findLast((item) => item.kind === "error") ?? null;
}
