/** How a page shows output: whether it trusts HTML and scripts, and where files are. */

import type { MimeBundle } from "../protocol/messages";
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
  /** MIME types to prefer: of these, the first in a bundle is shown. */
  readonly first: ReadonlySet<string>;
  /** Whether the page's own MathJax, if there is one, typesets formulas. */
  readonly byPage: boolean;
}

/** Where files and interacts are found; by default there are no interacts. */
export interface ShowingOptions {
  readonly fileAddress: FileAddress;
  readonly live?: Showing["live"];
}

/** For programs of strangers: output is sanitised, and scripts never run. */
export function harmless({ fileAddress, live = () => null }: ShowingOptions): Showing {
  return {
    fileAddress,
    html: (source) => renderHtml(source, fileAddress),
    script: scriptNotice,
    live,
    first: new Set(),
    byPage: false,
  };
}
