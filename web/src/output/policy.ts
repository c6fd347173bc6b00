/** How a page shows output: whether it trusts HTML and scripts, and where files are. */

import type { MimeBundle } from "../protocol/messages";
import type { FrameMaker } from "./frame/frame";
import { type FileAddress, renderHtml, scriptNotice } from "./html";

/** The rendering of those representations that depend on trust. */
export interface Showing {
  readonly fileAddress: FileAddress;
  /** The element for HTML; null when nothing is visible. */
  readonly html: (source: string) => HTMLElement | null;
  /** Runs JavaScript if it is trusted; the element to show for it, or null for none. */
  readonly script: (code: string) => HTMLElement | null;
  /** The element of the interact or comm that a bundle shows; null for other bundles. */
  readonly live: (data: MimeBundle) => HTMLElement | null;
  /** Makes the frame in which scripts or widgets run; null if none run. */
  readonly frame: FrameMaker | null;
  /** What the frame is opened for: scripts and widgets, or widgets alone where scripts are the page's. */
  readonly framed: "scripts" | "widgets";
  /** MIME types to prefer: of these, the first in a bundle is shown. */
  readonly first: ReadonlySet<string>;
  /** Whether the page's own MathJax, if there is one, typesets formulas. */
  readonly byPage: boolean;
}

/** Where files and interacts are found; by default there are no interacts. */
export interface ShowingOptions {
  readonly fileAddress: FileAddress;
  readonly live?: Showing["live"];
  readonly frame?: Showing["frame"];
}

/** For programs of strangers: output is sanitised, and scripts run in the output's frame, if it has one. */
export function harmless({ fileAddress, live = nothing, frame = null }: ShowingOptions): Showing {
  return {
    fileAddress,
    html: (source) => renderHtml(source, fileAddress),
    script: scriptNotice,
    live,
    frame,
    framed: "scripts",
    first: new Set(),
    byPage: false,
  };
}

function nothing(): null {
  return null;
}
