/** HTML that a stranger's program made, made harmless. */

import DOMPurify, { type Config } from "dompurify";

import { note } from "../dom/elements";
import { typesetText } from "./math/typeset";

/** Turns a name after `cell://` into an address, or null when it can be none. */
export type FileAddress = (name: string) => string | null;

const CONFIG: Config & { RETURN_DOM_FRAGMENT: true } = {
  USE_PROFILES: { html: true, mathMl: true, svg: true },
  // Only scenes and pages among the program's own files are left of these; see `frameFiles`.
  ADD_TAGS: ["iframe"],
  FORBID_ATTR: ["srcdoc", "allow"],
  FORBID_TAGS: ["form", "input", "button", "textarea", "select", "option", "dialog"],
  ALLOWED_URI_REGEXP: /^(?:(?:https?|mailto|cell):|[^a-z]|[a-z+.-]+(?:[^a-z+.:-]|$))/i,
  // A <style> at the very beginning would otherwise land in a <head> and be lost.
  FORCE_BODY: true,
  RETURN_DOM_FRAGMENT: true,
};

/** Elements that can be seen without text. */
const SEEN = "img, svg, hr, math, table, iframe, video, audio";

/**
 * The harmless part of `source`, typeset, in a box that its styles and positions cannot leave.
 *
 * Null when nothing that could be seen is left. Scripts never run; a line says so.
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

/** `source` without anything that could run, submit or leave. */
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

/** Frames show the program's own files, which can reach nothing of this page, or they go. */
function frameFiles(fragment: DocumentFragment): void {
  for (const frame of fragment.querySelectorAll("iframe")) {
    if (/^\s*cell:\/\//i.test(frame.getAttribute("src") ?? "")) {
      frame.setAttribute("sandbox", "allow-scripts");
    } else frame.remove();
  }
}

/** Puts the file's address where `attribute` has `cell://` and its name. */
function nameFile(element: Element, attribute: string, fileAddress: FileAddress): void {
  const name = /^cell:\/\/(.*)$/is.exec(element.getAttribute(attribute)?.trim() ?? "")?.[1];
  if (name === undefined) return;
  const address = fileAddress(name);
  if (address === null) element.removeAttribute(attribute);
  else element.setAttribute(attribute, address);
}

/** Takes the style sheets out of `content`; their rules. */
function takeRules(content: HTMLElement): string[] {
  const sheets = Array.from(content.querySelectorAll("style"));
  return sheets.flatMap((sheet) => {
    sheet.remove();
    return plainRules(sheet.textContent);
  });
}

/** Makes `rules` apply to `content` alone. */
function confine(rules: readonly string[], content: HTMLElement): void {
  if (rules.length === 0) return;
  const sheet = document.createElement("style");
  sheet.textContent = `@scope {\n${rules.join("\n")}\n}`;
  content.prepend(sheet);
}

/** The style rules of a sheet as a browser wrote them down again: each one whole and balanced. */
function plainRules(source: string): string[] {
  const sheet = new CSSStyleSheet();
  if (!("replaceSync" in sheet)) return [];
  sheet.replaceSync(source);
  return Array.from(sheet.cssRules)
    .filter((rule) => rule instanceof CSSStyleRule || rule instanceof CSSMediaRule)
    .map((rule) => rule.cssText);
}

/** Stands in for a script. */
export function scriptNotice(): HTMLElement {
  return note("A script in this output was not run.");
}
