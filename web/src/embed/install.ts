/** Puts the names where pages look for them. */

import { browserClock } from "../dom/clock";
import { addElders } from "./legacynames";
import { findRoot } from "./root";
import { type Cells, makeNames } from "./sagecell";

interface Global {
  sagecell?: Record<string, unknown>;
  singlecell?: Record<string, unknown>;
  jQuery?: unknown;
  $?: unknown;
}

export interface InstallOptions {
  readonly window: Window;
  readonly jQuery: unknown;
  /** Loads a module of the server's; a seam for tests. */
  readonly load: (address: string) => Promise<{ cellsFrom(root: string): Promise<Cells> }>;
}

/** A second copy of the script finds the first and leaves everything as it is. */
export function install({ window: page, jQuery, load }: InstallOptions): void {
  const global = page as unknown as Global;
  const sagecell = (global.sagecell ??= {});
  global.singlecell ??= sagecell;
  // Pages of old call them before they have loaded one of their own.
  if (global.jQuery === undefined) {
    global.jQuery = jQuery;
    if (global.$ === undefined) global.$ = jQuery;
  }
  if ("makeSagecell" in sagecell) return;
  const whenParsed = (act: () => void) => {
    if (page.document.readyState !== "loading") act();
    // Before any of the page's own listeners, which may look for the cells.
    else page.addEventListener("DOMContentLoaded", act, { once: true, capture: true });
  };
  // Looked for while the script is surely on the page: pages take scripts away again.
  const found = findRoot(sagecell["root"], page.document);
  const root = () => {
    const told = sagecell["root"];
    return typeof told === "string" && told ? findRoot(told, page.document) : found;
  };
  const names = makeNames({
    whenParsed,
    clock: browserClock,
    dress: () => {
      keepApart(page.document);
      return styleSheet(page.document, new URL("static/embedded_cells.css", root()).href);
    },
    load: async () => {
      const at = root();
      const module = await load(new URL("static/embedded_cells.js", at).href);
      return module.cellsFrom(at);
    },
  });
  for (const [name, made] of Object.entries(Object.getOwnPropertyDescriptors(names))) {
    if (!(name in sagecell)) Object.defineProperty(sagecell, name, made);
  }
  addElders(sagecell, whenParsed);
}

/** One cell after another, as the style sheet says; in a layer, so that all that a page says is stronger. */
function keepApart(document: Document): void {
  if (!("adoptedStyleSheets" in document)) return;
  const sheet = new CSSStyleSheet();
  sheet.replaceSync("@layer sagecell { .sagecell:not(dialog) { margin-block: 1em; } }");
  document.adoptedStyleSheets.push(sheet);
}

/** The cells' style sheet before all others: the page has the last word. */
function styleSheet(document: Document, address: string): Promise<void> {
  const link = document.createElement("link");
  link.rel = "stylesheet";
  link.href = address;
  return new Promise((resolve) => {
    // Without it a cell is plain, and works.
    link.onload = link.onerror = () => resolve();
    document.head.prepend(link);
  });
}
