/** Defines the global names that pages use. */

import { browserClock } from "../dom/clock";
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
    // Captured, to run before the page's own listeners, which may look for the cells.
    else page.addEventListener("DOMContentLoaded", act, { once: true, capture: true });
  };
  const whileParsing = (look: () => void) => {
    if (page.document.readyState !== "loading") return;
    const observer = new MutationObserver(look);
    observer.observe(page.document, { childList: true, subtree: true });
    whenParsed(() => observer.disconnect());
  };
  keepApart(page.document);
  // Searched now, because pages may remove the script's element later.
  const found = findRoot(sagecell["root"], page.document);
  const root = () => {
    const told = sagecell["root"];
    return typeof told === "string" && told ? findRoot(told, page.document) : found;
  };
  const names = makeNames({
    whenParsed,
    clock: browserClock,
    whileParsing,
    dress: () => styleSheet(page.document, new URL("static/embedded_cells.css", root()).href),
    load: async () => {
      const at = root();
      const module = await load(new URL("static/embedded_cells.js", at).href);
      return module.cellsFrom(at);
    },
  });
  for (const [name, made] of Object.entries(Object.getOwnPropertyDescriptors(names))) {
    if (!(name in sagecell)) Object.defineProperty(sagecell, name, made);
  }
  addLegacyNames(sagecell, whenParsed);
}

/**
 * Gives cells the margins of the style sheet until that has been loaded.
 *
 * In a layer, so that every rule of the page overrides them.
 */
function keepApart(document: Document): void {
  if (!("adoptedStyleSheets" in document)) return;
  const sheet = new CSSStyleSheet();
  sheet.replaceSync("@layer sagecell { .sagecell:not(dialog) { margin-block: 1em; } }");
  document.adoptedStyleSheets.push(sheet);
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
