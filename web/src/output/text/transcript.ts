/** Everything that a program has said, in order, whether or not the page shows it yet. */

import { plainText } from "../../protocol/bundles";
import type {
  Contents,
  Display,
  JsonObject,
  KernelMessage,
  MimeBundle,
} from "../../protocol/messages";
import { withoutAnsi } from "./ansi";

export interface StreamItem {
  readonly kind: "stream";
  readonly name: "stdout" | "stderr";
  readonly chunks: string[];
}

export interface DisplayItem {
  readonly kind: "display";
  readonly displayId: string;
  data: MimeBundle;
  metadata: JsonObject;
}

export interface ErrorItem {
  readonly kind: "error";
  readonly traceback: string;
}

/** Text for a pager, such as the help that `len?` asks for. */
export interface PagerItem {
  readonly kind: "pager";
  readonly text: string;
}

export type Item = StreamItem | DisplayItem | ErrorItem | PagerItem;

/** What a message did to the transcript. */
export interface Change {
  /** All items went, and then the message's own may have come. */
  readonly cleared: boolean;
  /** Items that say something else now. */
  readonly updated: readonly DisplayItem[];
}

const NOTHING: readonly DisplayItem[] = [];

export class Transcript {
  #items: Item[] = [];
  #length = 0;
  #byDisplayId = new Map<string, DisplayItem[]>();
  #clearBeforeNext = false;

  get items(): readonly Item[] {
    return this.#items;
  }

  /** Characters of text that were said; pictures do not count. */
  get length(): number {
    return this.#length;
  }

  /** Whether the next thing said takes the place of all others. */
  get isToBeCleared(): boolean {
    return this.#clearBeforeNext;
  }

  clear(): void {
    this.#items = [];
    this.#length = 0;
    this.#byDisplayId.clear();
    this.#clearBeforeNext = false;
  }

  /** All goes when the next thing is said. */
  clearBeforeNext(): void {
    this.#clearBeforeNext = true;
  }

  /** Takes a message in; null when it says nothing that could be seen. */
  append({ type, content }: KernelMessage): Change | null {
    switch (type) {
      case "stream":
        return this.#appendStream(content);
      case "display_data":
      case "execute_result":
        return this.#add({ kind: "display", ...content });
      case "update_display_data":
        return this.#update(content);
      case "error":
        return this.#add({ kind: "error", traceback: content.traceback });
      case "clear_output":
        if (content.wait) {
          this.clearBeforeNext();
          return null;
        }
        this.clear();
        return { cleared: true, updated: NOTHING };
      case "execute_reply":
        return this.#appendPages(content.pages);
      default:
        return null;
    }
  }

  /** All of it as plain text, in parts. */
  *plainText(): Generator<string> {
    for (const item of this.#items) yield textOf(item);
  }

  #appendStream({ name, text }: Contents["stream"]): Change | null {
    if (text === "") return null;
    const last = this.#items.at(-1);
    if (!this.#clearBeforeNext && last?.kind === "stream" && last.name === name) {
      last.chunks.push(text);
      this.#length += text.length;
      return { cleared: false, updated: NOTHING };
    }
    return this.#add({ kind: "stream", name, chunks: [text] });
  }

  #appendPages(pages: readonly string[]): Change | null {
    let change: Change | null = null;
    for (const text of pages) change = this.#add({ kind: "pager", text });
    return change;
  }

  #add(item: Item): Change {
    const cleared = this.#clearBeforeNext;
    if (cleared) this.clear();
    this.#items.push(item);
    this.#length += textLength(item);
    if (item.kind === "display" && item.displayId !== "") {
      const same = this.#byDisplayId.get(item.displayId);
      if (same) same.push(item);
      else this.#byDisplayId.set(item.displayId, [item]);
    }
    return { cleared, updated: NOTHING };
  }

  #update({ data, metadata, displayId }: Display): Change | null {
    const updated = this.#byDisplayId.get(displayId);
    if (updated === undefined) return null;
    for (const item of updated) {
      this.#length -= textLength(item);
      item.data = data;
      item.metadata = metadata;
      this.#length += textLength(item);
    }
    return { cleared: false, updated };
  }
}

function textOf(item: Item): string {
  switch (item.kind) {
    case "stream":
      return withoutAnsi(item.chunks.join(""));
    case "error":
      return `${withoutAnsi(item.traceback)}\n`;
    case "pager":
      return `${withoutAnsi(item.text)}\n`;
    case "display":
      return `${displayText(item.data)}\n`;
  }
}

/** A bundle as text: the plain form where there is one, else what kinds there are. */
function displayText(data: MimeBundle): string {
  return withoutAnsi(plainText(data)) || `[${Object.keys(data).join(", ")}]`;
}

/** Characters of an item's text. */
export function textLength(item: Item): number {
  switch (item.kind) {
    case "stream":
      return item.chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    case "error":
      return item.traceback.length;
    case "pager":
      return item.text.length;
    case "display":
      return displayLength(item.data);
  }
}

/** Characters of the text forms in a bundle's richest representation, roughly: all but pictures. */
function displayLength(data: MimeBundle): number {
  let longest = 0;
  for (const [type, value] of Object.entries(data)) {
    if (!type.startsWith("image/") && typeof value === "string") {
      longest = Math.max(longest, value.length);
    }
  }
  return longest;
}
