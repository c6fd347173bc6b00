/** Defines the global names that pages use. */

import { addLegacyNames } from "./legacynames";
import { findRoot } from "./root";
import { type Cells, makeNames } from "./sagecell";

interface Global {
  sagecell?: Record<string, unknown>;
  singlecell?: Record<string, unknown>;
  jQuery?: unknown;
  $?: unknown;
}

/** Where the names go, and how cells are loaded. */
export interface InstallOptions {
  readonly window: Window;
  readonly jQuery: unknown;
  /** Imports a module from the server. Tests replace it. */
  readonly load: (address: string) => Promise<{ cellsFrom(root: string): Promise<Cells> }>;
}

/** Defines `sagecell` and its aliases on `window`; does nothing if another copy has done so. */
export function install({ window: page, jQuery, load }: InstallOptions): void {
  const global = page as unknown as Global;
  const sagecell = (global.sagecell ??= {});
  global.singlecell ??= sagecell;
  // Old pages use jQuery before they have loaded a copy of their own.
  if (global.jQuery === undefined) {
    global.jQuery = jQuery;
    if (global.$ === undefined) global.$ = jQuery;
  }
  if ("makeSagecell" in sagecell) return;
  const whenParsed = (act: () => void) => {
    if (page.document.readyState !== "loading") act();
    else page.document.addEventListener("DOMContentLoaded", act, { once: true });
  };
  // Searched now, because pages may remove the script's element later.
  const found = findRoot(sagecell["root"], page.document);
  const names = makeNames({
    whenParsed,
    load: async () => {
      const configured = sagecell["root"];
      const root =
        typeof configured === "string" && configured ? findRoot(configured, page.document) : found;
      const style = styleSheet(page.document, new URL("static/embedded_cells.css", root).href);
      const module = await load(new URL("static/embedded_cells.js", root).href);
      const [cells] = await Promise.all([module.cellsFrom(root), style]);
      return cells;
    },
  });
  for (const [name, made] of Object.entries(Object.getOwnPropertyDescriptors(names))) {
    if (!(name in sagecell)) Object.defineProperty(sagecell, name, made);
  }
  addLegacyNames(sagecell, whenParsed);
}

/**
 * Adds the cells' style sheet before all others, so that the page's own rules override it.
 *
 * Fulfilled when it has been loaded or has failed to load.
 */
function styleSheet(document: Document, address: string): Promise<void> {
  const link = document.createElement("link");
  link.rel = "stylesheet";
  link.href = address;
  return new Promise((resolve) => {
    // Cells work without it.
    link.onload = link.onerror = () => resolve();
    document.head.prepend(link);
  });
}
