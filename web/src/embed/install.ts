/** Defines the global names that pages use. */

import { browserClock } from "../dom/clock";
import { isDeclined } from "./jquery";
import { addLegacyNames } from "./legacynames";
import { findRoot } from "./root";
import { type Cells, makeNames } from "./sagecell";

interface Global {
  sagecell?: Record<string, unknown>;
  singlecell?: Record<string, unknown>;
  jQuery?: unknown;
}

/** Where the names go, and how cells are loaded. */
export interface InstallOptions {
  readonly window: Window;
  /** Loads jQuery for the page from an address. */
  readonly loadJQuery: (address: string) => void;
  /** The files below static/ that cells need first, and those that the editor needs besides. */
  readonly modules: { readonly cells: readonly string[]; readonly editor: readonly string[] };
  /** Imports a module from the server. Tests replace it. */
  readonly load: (address: string) => Promise<{ cellsFrom(root: string): Promise<Cells> }>;
}

/** Defines `sagecell` and its aliases on `window`; does nothing if another copy has done so. */
export function install({ window: page, loadJQuery, modules, load }: InstallOptions): void {
  const global = page as unknown as Global;
  const sagecell = (global.sagecell ??= {});
  global.singlecell ??= sagecell;
  // Searched now, because pages may remove the script's element later.
  const found = findRoot(sagecell["root"], page.document);
  const root = () => {
    const told = sagecell["root"];
    return typeof told === "string" && told ? findRoot(told, page.document) : found;
  };
  let sheet: StyleSheet | null = null;
  const dress = () => {
    const address = new URL("static/embedded_cells.css", root()).href;
    if (sheet?.address !== address) sheet = styleSheet(page.document, address);
    return sheet.loaded;
  };
  // Old pages use jQuery before they have loaded a copy of their own.
  if (global.jQuery === undefined && !isDeclined(page.document)) {
    // The page waits for jQuery, and would request the style sheet only afterwards.
    if (page.document.readyState === "loading") void dress();
    loadJQuery(new URL("static/embedded_jquery.js", found).href);
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
  const nonce = page.document.currentScript?.nonce ?? "";
  // Otherwise each would be requested only when the one that imports it has arrived.
  const preload = (files: readonly string[], fetchPriority: "auto" | "low") => {
    for (const file of files) {
      const href = new URL(`static/${file}`, root()).href;
      const link = page.document.createElement("link");
      Object.assign(link, { rel: "modulepreload", href, fetchPriority, nonce });
      page.document.head.append(link);
    }
  };
  const names = makeNames({
    whenParsed,
    clock: browserClock,
    whileParsing,
    dress,
    load: async () => {
      const at = root();
      preload(modules.cells, "auto");
      const module = await load(new URL("static/embedded_cells.js", at).href);
      return module.cellsFrom(at);
    },
    preloadEditor: () => preload(modules.editor, "low"),
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

/** A style sheet of the page; `loaded` is fulfilled when it has been loaded or has failed to load. */
interface StyleSheet {
  readonly address: string;
  readonly loaded: Promise<void>;
}

/** Adds the cells' style sheet before all others, so that the page's own rules override it. */
function styleSheet(document: Document, address: string): StyleSheet {
  const link = document.createElement("link");
  link.rel = "stylesheet";
  link.href = address;
  const loaded = new Promise<void>((resolve) => {
    // Cells work without it.
    link.onload = link.onerror = () => resolve();
    document.head.prepend(link);
  });
  return { address, loaded };
}
