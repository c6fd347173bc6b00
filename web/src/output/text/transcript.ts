/** The complete output of a program, in order, whether or not the page shows it. */

import type {
  Contents,
  Display,
  JsonObject,
  KernelMessage,
  MimeBundle,
} from "../../protocol/messages";
import { withoutAnsi } from "./ansi";
import { visibleLength } from "./length";
import { displayText } from "./plain";

/** Consecutive text of one stream; `chunks` grows. */
export interface StreamItem {
  readonly kind: "stream";
  readonly name: "stdout" | "stderr";
  readonly chunks: string[];
}

/** A displayed value; `data` and `metadata` change with update_display_data. */
export interface DisplayItem {
  readonly kind: "display";
  /** The id for updates; empty for none. */
  readonly displayId: string;
  data: MimeBundle;
  metadata: JsonObject;
}

/** The traceback of an exception, with ANSI escape sequences. */
export interface ErrorItem {
  readonly kind: "error";
  readonly traceback: string;
}

/** Text for a pager, such as the help that `len?` asks for. */
export interface PagerItem {
  readonly kind: "pager";
  readonly text: string;
}

/** A part of the output. */
export type Item = StreamItem | DisplayItem | ErrorItem | PagerItem;

/** The effect of a message on the transcript. */
export interface Change {
  /** Whether all earlier items were removed, before the message's own was added. */
  readonly cleared: boolean;
  /** Items whose content has changed. */
  readonly updated: readonly DisplayItem[];
}

const NOTHING: readonly DisplayItem[] = [];

/** Displays of one id that are updated at most, the first ones: the page shows as many at first. */
const UPDATED = 1000;

/** The items of one output. */
export class Transcript {
  #items: Item[] = [];
  #length = 0;
  #byDisplayId = new Map<string, DisplayItem[]>();
  #clearBeforeNext = false;

  /** All items, in order. */
  get items(): readonly Item[] {
    return this.#items;
  }

  /** Characters of all items that can be seen as text. */
  get length(): number {
    return this.#length;
  }

  /** Whether the next item replaces all others. */
  get isToBeCleared(): boolean {
    return this.#clearBeforeNext;
  }

  /** Removes all items. */
  clear(): void {
    this.#items = [];
    this.#length = 0;
    this.#byDisplayId.clear();
    this.#clearBeforeNext = false;
  }

  /** Makes the next item replace all others. */
  clearBeforeNext(): void {
    this.#clearBeforeNext = true;
  }

  /** Takes a message; null when it changes nothing. */
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

  /** All output as plain text, one string per item. */
  *plainText(textOfHtml: (source: string) => string): Generator<string> {
    for (const item of this.#items) yield textOf(item, textOfHtml);
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
      if (same !== undefined && same.length < UPDATED) same.push(item);
      else if (same === undefined) this.#byDisplayId.set(item.displayId, [item]);
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

function textOf(item: Item, textOfHtml: (source: string) => string): string {
  switch (item.kind) {
    case "stream":
      return withoutAnsi(item.chunks.join(""));
    case "error":
      return `${withoutAnsi(item.traceback)}\n`;
    case "pager":
      return `${withoutAnsi(item.text)}\n`;
    case "display":
      return `${displayText(item.data, item.metadata, textOfHtml)}\n`;
  }
}

/** The number of characters of an item that can be seen. */
export function textLength(item: Item): number {
  switch (item.kind) {
    case "stream":
      return item.chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    case "error":
      return item.traceback.length;
    case "pager":
      return item.text.length;
    case "display":
      return visibleLength(item.data);
  }
}
