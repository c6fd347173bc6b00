/** Whether what a program displays contains programs of its own, which run in a frame or not at all. */

import { isProgramType } from "../scripts";

/** The beginning of a script; what comes before its type cannot hold a tag. */
const SCRIPT = /<script\b([^<>]*)/gi;

const TYPE = /\stype\s*=\s*["']?([^"'\s>]*)/i;

/** Handlers of events, addresses that are programs, and frames that may have either. */
const OTHERS =
  /<[a-z][^<>]*[\s"'/](?:on[a-z]+\s*=|srcdoc\s*=|(?:xlink:)?href\s*=\s*["']?\s*javascript:)/i;

/**
 * Told from the text alone, which is quick however long it is: a browser that parses a handler, even
 * for a document of its own, complains that the page's policy admits none. HTML that hides one from
 * this look has it taken away when it is made harmless.
 */
export function hasPrograms(html: string): boolean {
  for (const [, attributes = ""] of html.matchAll(SCRIPT)) {
    if (isProgramType(TYPE.exec(attributes)?.[1] ?? null)) return true;
  }
  return OTHERS.test(html);
}

/** Whether a script may look for something in it: an element with a name. */
export function hasNames(html: string): boolean {
  return /\sid\s*=/i.test(html);
}
