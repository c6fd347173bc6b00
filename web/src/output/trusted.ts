/**
 * HTML and scripts as the page's author trusts them: they become part of the page.
 *
 * The page's own content security policy has the last word. Nothing here evaluates text: scripts
 * are <script> elements, which a policy without 'unsafe-inline' holds back.
 */

import { renderHtml } from "./html";
import { typesetText } from "./math/typeset";
import type { Showing, ShowingOptions } from "./policy";

/** The kinds that SageMathCell's page shows: of these, the first in a bundle wins. */
const FIRST: ReadonlySet<string> = new Set([
  "text/html",
  "application/javascript",
  "text/image-filename",
  "image/png",
  "application/x-jmol",
]);

export interface TrustedOptions extends ShowingOptions {
  /** What `cell://` stands for. */
  readonly fileBase: () => string;
}

/** Programs are the author's, or the reader's own: they may do what the page may. */
export function trusted({ fileAddress, fileBase, live = () => null }: TrustedOptions): Showing {
  return {
    fileAddress,
    html: (source) => {
      const template = parsed(source.replaceAll(/cell:\/\//gi, fileBase));
      return template === null ? renderHtml(source, fileAddress) : pageHtml(template);
    },
    script: (code) => {
      const box = document.createElement("div");
      const script = inertScript();
      // A block, as `eval` would be one: a second run may declare the same names.
      script.textContent = `{\n${code}\n}`;
      box.append(script);
      schedule([script]);
      return box;
    },
    live,
    first: FIRST,
    byPage: true,
  };
}

/** HTML as elements; null where the page's policy of trusted types admits none from text. */
function parsed(source: string): HTMLTemplateElement | null {
  const template = document.createElement("template");
  try {
    template.innerHTML = source;
  } catch (error) {
    if (error instanceof TypeError) return null;
    throw error;
  }
  return template;
}

function pageHtml(template: HTMLTemplateElement): HTMLElement {
  const box = document.createElement("div");
  box.className = "sagecell_pageHtml";
  box.append(template.content);
  typesetText(box, true);
  const scripts = Array.from(box.querySelectorAll("script")).filter(isProgram);
  if (scripts.length > 0) schedule(scripts);
  return box;
}

/** Scripts wait here for those before them, as they would while a page is parsed. */
let line: Promise<void> = Promise.resolve();

/** Fulfilled when all scripts that are on the page by now have run. */
export function whenScriptsHaveRun(): Promise<void> {
  return line;
}

function schedule(scripts: readonly HTMLScriptElement[]): void {
  line = line.then(async () => {
    for (const script of scripts) await run(script);
  });
}

/** A script that does not run when it comes into the page. */
function inertScript(): HTMLScriptElement {
  const template = document.createElement("template");
  template.innerHTML = "<script></script>";
  return template.content.firstElementChild as HTMLScriptElement;
}

/** Puts a live copy in the place of a script that came as text, and waits for it to load. */
async function run(inert: HTMLScriptElement): Promise<void> {
  if (!inert.isConnected) return; // Cleared in the meantime.
  const script = document.createElement("script");
  for (const { name, value } of inert.attributes) script.setAttribute(name, value);
  script.textContent = inert.textContent;
  script.async = false;
  const loaded = script.src === "" ? null : whenLoaded(script);
  inert.replaceWith(script);
  await loaded;
}

function whenLoaded(script: HTMLScriptElement): Promise<void> {
  return new Promise((resolve) => {
    script.onload = script.onerror = () => resolve();
  });
}

/** Scripts of other types are data. */
function isProgram(script: Element): boolean {
  const type = script.getAttribute("type")?.trim() ?? "";
  return (
    script instanceof HTMLScriptElement &&
    /^(?:|module|(?:text|application)\/(?:x-)?(?:java|ecma)script)$/i.test(type)
  );
}
