/** How a page shows what programs say: whom it trusts, and where their files are. */

import type { MimeBundle } from "../protocol/messages";
import type { FrameMaker } from "./frame/frame";
import { type FileAddress, renderHtml, scriptNotice } from "./html";

export interface Showing {
  readonly fileAddress: FileAddress;
  /** HTML; null when nothing of it can be seen. */
  readonly html: (source: string) => HTMLElement | null;
  /** JavaScript that the program wants to be run; null when nobody can see that it was. */
  readonly script: (code: string) => HTMLElement | null;
  /** Controls that the kernel knows; null when this bundle is none. */
  readonly live: (data: MimeBundle) => HTMLElement | null;
  /** Makes the frame in which scripts run; null where none does. */
  readonly frame: FrameMaker | null;
  /** Types of which the first in a bundle is shown, before the richest is looked for. */
  readonly first: ReadonlySet<string>;
  /** Whether formulas go to the page's own MathJax. */
  readonly byPage: boolean;
}

export interface ShowingOptions {
  readonly fileAddress: FileAddress;
  readonly live?: Showing["live"];
  readonly frame?: Showing["frame"];
}

/**
 * Programs are strangers': what they say is made harmless, and their scripts run in the output's frame,
 * if it has one.
 */
export function harmless({ fileAddress, live = nothing, frame = null }: ShowingOptions): Showing {
  return {
    fileAddress,
    html: (source) => renderHtml(source, fileAddress),
    script: scriptNotice,
    live,
    frame,
    first: new Set(),
    byPage: false,
  };
}

function nothing(): null {
  return null;
}
