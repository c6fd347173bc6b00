/** Everything that a program has said, in order, whether or not the page shows it yet. */

import {
  type JsonObject,
  type KernelMessage,
  type MimeBundle,
  isObject,
  objectAt,
  textAt,
  textsAt,
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

  /** Takes a message in; null when it says nothing that could be seen. */
  take({ type, content }: KernelMessage): Change | null {
    switch (type) {
      case "stream":
        return this.#takeStream(content);
      case "display_data":
      case "execute_result":
        return this.#add({
          kind: "display",
          displayId: textAt(objectAt(content, "transient"), "display_id"),
          data: objectAt(content, "data"),
          metadata: objectAt(content, "metadata"),
        });
      case "update_display_data":
        return this.#update(content);
      case "error":
        return this.#add({ kind: "error", traceback: tracebackOf(content) });
      case "clear_output":
        if (content["wait"] === true) {
          this.#clearBeforeNext = true;
          return null;
        }
        this.clear();
        return { cleared: true, updated: NOTHING };
      case "execute_reply":
        return this.#takePages(content);
      default:
        return null;
    }
  }

  /** All of it as plain text, in parts. */
  *plainText(): Generator<string> {
    for (const item of this.#items) yield textOf(item);
  }

  #takeStream(content: JsonObject): Change | null {
    const text = textAt(content, "text");
    if (text === "") return null;
    const name = content["name"] === "stderr" ? "stderr" : "stdout";
    const last = this.#items.at(-1);
    if (!this.#clearBeforeNext && last?.kind === "stream" && last.name === name) {
      last.chunks.push(text);
      this.#length += text.length;
      return { cleared: false, updated: NOTHING };
    }
    return this.#add({ kind: "stream", name, chunks: [text] });
  }

  #takePages(content: JsonObject): Change | null {
    const payload = content["payload"];
    let change: Change | null = null;
    for (const part of Array.isArray(payload) ? payload : []) {
      const text = isObject(part) ? textAt(objectAt(part, "data"), "text/plain") : "";
      if (text !== "") change = this.#add({ kind: "pager", text });
    }
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

  #update(content: JsonObject): Change | null {
    const updated = this.#byDisplayId.get(textAt(objectAt(content, "transient"), "display_id"));
    if (updated === undefined) return null;
    for (const item of updated) {
      this.#length -= textLength(item);
      item.data = objectAt(content, "data");
      item.metadata = objectAt(content, "metadata");
      this.#length += textLength(item);
    }
    return { cleared: false, updated };
  }
}

function tracebackOf(content: JsonObject): string {
  const lines = textsAt(content, "traceback");
  if (lines.length > 0) return lines.join("\n");
  return `${textAt(content, "ename") || "Error"}: ${textAt(content, "evalue")}`;
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
  return withoutAnsi(textAt(data, "text/plain")) || `[${Object.keys(data).join(", ")}]`;
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
