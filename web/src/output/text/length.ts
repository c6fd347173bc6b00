/** How much of a display can be seen as text; this counts towards the limit of an output. */

import { joinedText, plainText } from "../../protocol/bundles";
import type { MimeBundle } from "../../protocol/messages";

/** Characters of a rich text at most: more would block the page for seconds. */
export const LONGEST_RICH_TEXT = 5_000_000;

/** The number of characters and of tags that can be seen. */
interface Extent {
  readonly characters: number;
  readonly tags: number;
}

/** The `data:` address of a picture in Markdown. */
const EMBEDDED = /\bdata:[\w.+/-]*[;,][^\s()"'<>]*/g;

/** Rich texts, in the order in which they are preferred. */
const EXTENTS: readonly (readonly [type: string, extent: (source: string) => Extent])[] = [
  ["text/html", extentOfHtml],
  ["text/markdown", (source) => extentOfHtml(source.replace(EMBEDDED, ""))],
  ["text/latex", (source) => ({ characters: source.trim().length, tags: 0 })],
];

/** The lengths of bundles: all displays of one `display_id` share theirs. */
const known = new WeakMap<MimeBundle, number>();

/**
 * The number of characters of a bundle that can be seen, without scripts, styles, comments and
 * the attributes of tags; a tag counts as one, since elements take time and memory as text does.
 */
export function visibleLength(data: MimeBundle): number {
  const length = known.get(data) ?? measured(data);
  known.set(data, length);
  return length;
}

function measured(data: MimeBundle): number {
  let tags = 0;
  for (const [type, extent] of EXTENTS) {
    const source = Object.hasOwn(data, type) ? joinedText(data[type] ?? null) : "";
    if (source.length > LONGEST_RICH_TEXT) continue;
    const found = extent(source);
    tags = Math.max(tags, found.tags);
    if (found.characters > 0) return found.characters + found.tags;
  }
  // Shown if nothing is visible in the others.
  return Math.max(tags, plainText(data).length);
}

function extentOfHtml(source: string): Extent {
  let characters = 0;
  let tags = 0;
  let from = 0;
  for (let at = source.indexOf("<"); at >= 0; at = source.indexOf("<", from)) {
    characters += source.slice(from, at).trim().length;
    const end = endOfMarkup(source, at);
    if (end === null) return { characters: characters + source.length - at, tags };
    from = end;
    tags += 1;
  }
  return { characters: characters + source.slice(from).trim().length, tags };
}

/** Elements whose content cannot be seen. */
const UNSEEN = /<(script|style|template)\b/iy;

/** The beginning of any tag; other angle brackets are text. */
const TAG = /<[a-z/!?]/iy;

/** The index after the markup at `at`; null if it does not end. */
function endOfMarkup(source: string, at: number): number | null {
  if (source.startsWith("<!--", at)) return indexAfter("-->", source, at + 4);
  if (matchAt(TAG, source, at) === null) return at + 1;
  const end = endOfTag(source, at);
  const name = matchAt(UNSEEN, source, at)?.[1];
  if (name === undefined || end === null) return end;
  const closing = new RegExp(`</${name}\\b`, "gi");
  closing.lastIndex = end;
  const found = closing.exec(source);
  return found === null ? source.length : indexAfter(">", source, found.index);
}

/** The index after the `>` of a tag, which is not one in a quoted attribute. */
function endOfTag(source: string, at: number): number | null {
  const delimiter = /["'>]/g;
  delimiter.lastIndex = at;
  for (let found = delimiter.exec(source); found !== null; found = delimiter.exec(source)) {
    if (found[0] === ">") return delimiter.lastIndex;
    const end = indexAfter(found[0], source, delimiter.lastIndex);
    if (end === null) return null;
    delimiter.lastIndex = end;
  }
  return null;
}

function indexAfter(text: string, source: string, from: number): number | null {
  const at = source.indexOf(text, from);
  return at < 0 ? null : at + text.length;
}

function matchAt(sticky: RegExp, source: string, at: number): RegExpExecArray | null {
  sticky.lastIndex = at;
  return sticky.exec(source);
}
