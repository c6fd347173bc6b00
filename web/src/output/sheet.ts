/** How much of a transcript is on the page. */

import type { FramedText } from "./frame/frame";
import type { Cursor } from "./text/cursor";
import type { StreamView } from "./text/stream";
import type { DisplayItem, Item } from "./text/transcript";

/** How much output is shown at first, and how much each "Show more" adds. */
export interface Limit {
  readonly items: number;
  readonly characters: number;
}

/** The part of the transcript that is on the page; replaced when the page is cleared. */
export class Sheet {
  /** How often the limit applies: once, and once more for each "Show more". */
  pages = 1;
  /** The index of the first item that is not shown completely. */
  next = 0;
  /** The characters that are shown. */
  characters = 0;
  /** The view of item `next` if that is a stream, and the position in it. */
  stream: { readonly view: StreamView | FramedText; readonly cursor: Cursor } | null = null;
  /** The first item that is shown in the frame; Infinity if none is. */
  framedFrom = Infinity;
  /** Items in the page that can be updated, and their elements. */
  readonly elements = new Map<DisplayItem, HTMLElement>();
  /** Items in the frame that can be updated, and their ids there. */
  readonly framed = new Map<DisplayItem, number>();
  /** Items that were updated since they were shown. */
  readonly outdated = new Set<DisplayItem>();

  /** Whether the page shows as much as the limit allows. */
  isFull(limit: Limit): boolean {
    return (
      this.next >= limit.items * this.pages || this.characters >= limit.characters * this.pages
    );
  }

  /** Whether the page shows less than the transcript has. */
  isBehind(items: readonly Item[]): boolean {
    const item = items[this.next];
    if (item?.kind !== "stream" || this.next < items.length - 1) return item !== undefined;
    return !(this.stream?.cursor.isAtEnd(item.chunks) ?? false);
  }
}
