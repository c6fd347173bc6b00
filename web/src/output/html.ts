/** Sanitised HTML from programs of strangers. */

import DOMPurify, { type Config } from "dompurify";

import { note } from "../dom/elements";
import { typesetText } from "./math/typeset";

/** The address of a file of the kernel, named as after `cell://`; null for an invalid name. */
export type FileAddress = (name: string) => string | null;

const CONFIG: Config & { RETURN_DOM_FRAGMENT: true } = {
  USE_PROFILES: { html: true, mathMl: true, svg: true },
  // `frameFiles` removes all frames except those that show the program's own files.
  ADD_TAGS: ["iframe"],
  FORBID_ATTR: ["srcdoc", "allow"],
  FORBID_TAGS: ["form", "input", "button", "textarea", "select", "option", "dialog"],
  ALLOWED_URI_REGEXP: /^(?:(?:https?|mailto|cell):|[^a-z]|[a-z+.-]+(?:[^a-z+.:-]|$))/i,
  // Otherwise a leading <style> is parsed into a <head> and lost.
  FORCE_BODY: true,
  RETURN_DOM_FRAGMENT: true,
};

/** Elements that are visible without text. */
const SEEN = "img, svg, hr, math, table, iframe, video, audio";

/**
 * `source` sanitised and typeset, in a box that its styles and positions cannot leave.
 *
 * Null when nothing visible is left. Scripts never run; a note says so.
 */
export function renderHtml(source: string, fileAddress: FileAddress): HTMLElement | null {
  const { fragment, hadScript } = sanitise(source, fileAddress);
  const content = document.createElement("div");
  content.append(fragment);
  const rules = takeRules(content);
  if (content.textContent.trim() === "" && !content.querySelector(SEEN)) {
    return null;
  }
  confine(rules, content);
  typesetText(content);
  const box = document.createElement("div");
  box.className = "sagecell_html";
  box.append(content);
  if (hadScript) box.append(scriptNotice());
  return box;
}

/** `source` without scripts, forms and foreign frames, and whether there was a <script>. */
export function sanitise(
  source: string,
  fileAddress: FileAddress,
): { fragment: DocumentFragment; hadScript: boolean } {
  const fragment = DOMPurify.sanitize(source, CONFIG);
  const hadScript = DOMPurify.removed.some(
    (removed) => "element" in removed && removed.element.nodeName.toLowerCase() === "script",
  );
  frameFiles(fragment);
  for (const element of fragment.querySelectorAll("[src], [href]")) {
    nameFile(element, "src", fileAddress);
    nameFile(element, "href", fileAddress);
  }
  for (const link of fragment.querySelectorAll('a[href]:not([href^="#"])')) {
    link.setAttribute("target", "_blank");
    link.setAttribute("rel", "noopener noreferrer");
  }
  return { fragment, hadScript };
}

/** Sandboxes frames that show the program's own files, and removes all others. */
function frameFiles(fragment: DocumentFragment): void {
  for (const frame of fragment.querySelectorAll("iframe")) {
    if (/^\s*cell:\/\//i.test(frame.getAttribute("src") ?? "")) {
      frame.setAttribute("sandbox", "allow-scripts");
    } else frame.remove();
  }
}

/** Replaces `cell://` and a file's name in `attribute` by the file's address. */
function nameFile(element: Element, attribute: string, fileAddress: FileAddress): void {
  const name = /^cell:\/\/(.*)$/is.exec(element.getAttribute(attribute)?.trim() ?? "")?.[1];
  if (name === undefined) return;
  const address = fileAddress(name);
  if (address === null) element.removeAttribute(attribute);
  else element.setAttribute(attribute, address);
}

/** Removes the style sheets from `content`, and returns their rules. */
function takeRules(content: HTMLElement): string[] {
  const sheets = Array.from(content.querySelectorAll("style"));
  return sheets.flatMap((sheet) => {
    sheet.remove();
    return plainRules(sheet.textContent);
  });
}

/** Adds `rules` to `content` in a scope, so that they apply to it alone. */
function confine(rules: readonly string[], content: HTMLElement): void {
  if (rules.length === 0) return;
  const sheet = document.createElement("style");
  sheet.textContent = `@scope {\n${rules.join("\n")}\n}`;
  content.prepend(sheet);
}

/** The style and media rules of a sheet as the browser serialises them: complete and balanced. */
function plainRules(source: string): string[] {
  const sheet = new CSSStyleSheet();
  if (!("replaceSync" in sheet)) return [];
  sheet.replaceSync(source);
  return Array.from(sheet.cssRules)
    .filter((rule) => rule instanceof CSSStyleRule || rule instanceof CSSMediaRule)
    .map((rule) => rule.cssText);
}

/** A note in the place of a script. */
export function scriptNotice(): HTMLElement {
  return note("A script in this output was not run.");
}
