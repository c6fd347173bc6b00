/**
 * Trusted HTML and scripts, which become part of the page.
 *
 * The page's content security policy still applies.
 */

import { type FileAddress, renderHtml } from "./html";
import { findFiles } from "./loading";
import { typesetText } from "./math/typeset";
import type { Showing, ShowingOptions } from "./policy";
import { runScriptsIn, scriptFor } from "./scripts/scripts";

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

/** For programs of the page's author or reader: output has the page's rights, except widgets. */
export function trusted({
  fileAddress,
  fileBase,
  live = () => null,
  frame = null,
}: TrustedOptions): Showing {
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
      box.append(scriptFor(code, box));
      runScriptsIn(box);
      return box;
    },
    live,
    frame,
    framed: "widgets",
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
  runScriptsIn(box);
  return box;
}
