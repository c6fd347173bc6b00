/**
 * What the libraries of widgets import and this page has itself: vite.frame.config.ts puts this module
 * in its place. JupyterLab's renderers alone would be larger than all widgets.
 */

import { sanitiseInline } from "../output/html";

/** JupyterLab's renderers: captured output is shown like that of a cell. */
export class RenderMimeRegistry {
  addFactory(): void {
    // Nothing renders by it.
  }
}

/** As above. */
export const standardRendererFactories: readonly never[] = [];

/** The package sanitize-html, for descriptions with markup. */
export default function sanitise(
  source: string,
  { allowedTags }: { readonly allowedTags: readonly string[] },
): string {
  return sanitiseInline(source, allowedTags);
}
