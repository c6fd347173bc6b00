/**
 * Trusted HTML and scripts, which become part of the page.
 *
 * The page's content security policy still applies. Nothing here evaluates text: scripts are
 * <script> elements, which a policy without 'unsafe-inline' blocks.
 */

import { type FileAddress, renderHtml } from "./html";
import { findFiles } from "./loading";
import { typesetText } from "./math/typeset";
import type { Showing, ShowingOptions } from "./policy";

/** The MIME types that SageMathCell's page shows: of these, the first in a bundle is shown. */
const FIRST: ReadonlySet<string> = new Set([
  "text/html",
  "application/javascript",
  "text/image-filename",
  "image/png",
  "application/x-jmol",
]);

/** Also where `cell://` addresses lead. */
export interface TrustedOptions extends ShowingOptions {
  /** The replacement for `cell://`. */
  readonly fileBase: () => string;
}

/** For programs of the page's author or reader: output has the page's rights. */
export function trusted({ fileAddress, fileBase, live = () => null }: TrustedOptions): Showing {
  return {
    fileAddress,
    html: (source) => {
      const template = parsed(source.replaceAll(/cell:\/\//gi, fileBase));
      return template === null
        ? renderHtml(source, fileAddress)
        : pageHtml(template, fileAddress, fileBase());
    },
    script: (code) => {
      const box = document.createElement("div");
      const script = inertScript();
      // In a block, as with `eval`, so that a second run can declare the same names.
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

/** HTML as elements; null where the page's Trusted Types policy forbids parsing text. */
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

function pageHtml(
  template: HTMLTemplateElement,
  fileAddress: FileAddress,
  base: string,
): HTMLElement {
  const box = document.createElement("div");
  box.className = "sagecell_pageHtml";
  box.append(template.content);
  findFiles(box, fileAddress, base);
  typesetText(box, true);
  const scripts = Array.from(box.querySelectorAll("script")).filter(isProgram);
  if (scripts.length > 0) schedule(scripts);
  return box;
}

/** Fulfilled when all scripts so far have run: they run in order, as in a page that is parsed. */
let line: Promise<void> = Promise.resolve();

/** Fulfilled when all scripts that were scheduled before this call have run. */
export function whenScriptsHaveRun(): Promise<void> {
  return line;
}

function schedule(scripts: readonly HTMLScriptElement[]): void {
  line = line.then(async () => {
    for (const script of scripts) await run(script);
  });
}

/** A <script> that does not run when it is inserted. */
function inertScript(): HTMLScriptElement {
  const template = document.createElement("template");
  template.innerHTML = "<script></script>";
  return template.content.firstElementChild as HTMLScriptElement;
}

/** Replaces an inert script by a copy that runs; fulfilled when that has loaded. */
async function run(inert: HTMLScriptElement): Promise<void> {
  if (!inert.isConnected) return; // The output has been cleared.
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

/** Whether a script contains a program; other types are data. */
function isProgram(script: Element): boolean {
  const type = script.getAttribute("type")?.trim() ?? "";
  return (
    script instanceof HTMLScriptElement &&
    /^(?:|module|(?:text|application)\/(?:x-)?(?:java|ecma)script)$/i.test(type)
  );
}
