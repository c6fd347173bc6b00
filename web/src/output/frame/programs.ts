/** Finds scripts in HTML, which then has to be shown in a frame. */

import { isProgramType } from "../scripts/scripts";

/** The start tag of a script. */
const SCRIPT = /<script\b([^<>]*)/gi;

const TYPE = /\stype\s*=\s*["']?([^"'\s>]*)/i;

/** Event handlers, `javascript:` addresses and `srcdoc`. */
const OTHERS =
  /<[a-z][^<>]*[\s"'/](?:on[a-z]+\s*=|srcdoc\s*=|(?:xlink:)?href\s*=\s*(?:["']\s*)?javascript:)/i;

/**
 * Whether HTML contains scripts, in linear time.
 *
 * It is not parsed: even in a document of its own, a browser reports each event handler as a violation
 * of the page's policy. A script that this misses is removed when the HTML is sanitised.
 */
export function hasPrograms(html: string): boolean {
  for (const [, attributes = ""] of html.matchAll(SCRIPT)) {
    if (isProgramType(TYPE.exec(attributes)?.[1] ?? null)) return true;
  }
  return OTHERS.test(html);
}

/** Whether HTML has elements with ids, which later scripts may look for. */
export function hasNames(html: string): boolean {
  return /\sid\s*=/i.test(html);
}
