/** Sanitised HTML from programs of strangers. */

import DOMPurify, { type Config } from "dompurify";

import { note } from "../dom/elements";
import { type FileAddress, isFile, noteLosses, refer } from "./loading";
import { typesetText } from "./math/typeset";
import { LONGEST_RICH_TEXT } from "./text/length";

export type { FileAddress } from "./loading";

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
const SEEN = "img, svg, hr, math, table, iframe, video, audio, progress, meter";

/** Elements that may be visible; in HTML with scripts, usually those that a script would fill. */
const PAINTED = "canvas, [style], [class], [id], [bgcolor]";

/** Elements that begin and end a line. */
const BLOCKS =
  "p, div, pre, blockquote, h1, h2, h3, h4, h5, h6, hr, ul, ol, li, dl, dt, dd, table, caption, tr," +
  " figure, figcaption, details, summary, section, article, header, footer";

/** Elements that are removed, and that a reader might miss. */
const MISSED = new Set(["INPUT", "BUTTON", "TEXTAREA", "SELECT", "DIALOG", "OBJECT", "EMBED"]);

/**
 * `source` sanitised and typeset, in a box that its styles and positions cannot leave.
 *
 * Null when nothing visible is left. Scripts never run; a note says so.
 */
export function renderHtml(source: string, fileAddress: FileAddress): HTMLElement | null {
  const { box, isVisible } = boxed(source, fileAddress);
  return isVisible ? box : null;
}

/** The box for HTML in which nothing is visible, with a note why; hidden if it is just empty. */
export function renderInvisibleHtml(source: string, fileAddress: FileAddress): HTMLElement {
  const { box, removed, hasRules } = boxed(source, fileAddress);
  const missed = Array.from(removed).filter((name) => MISSED.has(name));
  if (missed.length > 0) {
    const tags = missed.map((name) => `<${name.toLowerCase()}>`).join(", ");
    box.append(note(`Output cannot have these elements here: ${tags}.`));
  } else if (hasRules) {
    box.append(note("A style sheet in output only applies to the HTML that comes with it."));
  }
  box.hidden = box.textContent.trim() === "";
  return box;
}

interface Boxed {
  readonly box: HTMLElement;
  readonly isVisible: boolean;
  readonly hasRules: boolean;
  /** The names of removed elements, in capitals. */
  readonly removed: ReadonlySet<string>;
}

function boxed(source: string, fileAddress: FileAddress): Boxed {
  const { fragment, removed } = sanitise(source, fileAddress);
  const hadScript = removed.has("SCRIPT");
  const content = document.createElement("div");
  content.append(fragment);
  const rules = takeRules(content);
  const isVisible =
    content.textContent.trim() !== "" ||
    content.querySelector(hadScript ? SEEN : `${SEEN}, ${PAINTED}`) !== null;
  confine(rules, content);
  typesetText(content);
  const box = document.createElement("div");
  box.className = "sagecell_html";
  box.append(content);
  if (hadScript) box.append(scriptNotice());
  noteLosses(box);
  return { box, isVisible, hasRules: rules.length > 0, removed };
}

/**
 * `source` without scripts, forms and foreign frames, and the names of removed elements.
 *
 * Relative addresses, and those that begin with `cell://`, become those of the program's files; null
 * for HTML that is not a program's.
 */
export function sanitise(
  source: string,
  fileAddress: FileAddress | null,
): { fragment: DocumentFragment; removed: ReadonlySet<string> } {
  const fragment = DOMPurify.sanitize(source, CONFIG);
  const removed = new Set(
    DOMPurify.removed.map((one) => ("element" in one ? one.element.nodeName.toUpperCase() : "")),
  );
  if (fileAddress !== null) nameFiles(fragment, fileAddress);
  frameFiles(fragment);
  for (const link of fragment.querySelectorAll('a[*|href]:not([href^="#"]), area[href]')) {
    link.setAttribute("target", "_blank");
    link.setAttribute("rel", "noopener noreferrer");
  }
  return { fragment, removed };
}

function nameFiles(fragment: DocumentFragment, fileAddress: FileAddress): void {
  for (const attribute of ["src", "href", "poster"]) {
    for (const element of fragment.querySelectorAll(`[${attribute}]`)) {
      refer(element, attribute, fileAddress);
    }
  }
}

/** Sandboxes frames that show the program's own files; a note replaces all others. */
function frameFiles(fragment: DocumentFragment): void {
  for (const frame of fragment.querySelectorAll("iframe")) {
    if (isFile(frame)) frame.setAttribute("sandbox", "allow-scripts");
    else frame.replaceWith(frameNotice(frame.getAttribute("src") ?? ""));
  }
}

/** A note in the place of a frame, with a link to what it would show. */
function frameNotice(address: string): HTMLElement {
  const url = URL.canParse(address) ? new URL(address) : null;
  if (url === null || !/^https?:$/.test(url.protocol)) {
    return note("A frame in this output is not shown.");
  }
  const link = document.createElement("a");
  link.href = url.href;
  link.textContent = url.host;
  const sentence = note("A frame in this output is not shown: ");
  sentence.append(link);
  return sentence;
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

/** Reads the text of several pieces of HTML; what is too much for the page together is only named. */
export function htmlReader(): (source: string) => string {
  let left = LONGEST_RICH_TEXT;
  return (source) => {
    const text = textOfHtml(source, left);
    if (source.length <= left) left -= source.length;
    return text;
  };
}

/** The text of HTML of at most `longest` characters, with a line for each block and row. */
export function textOfHtml(source: string, longest = LONGEST_RICH_TEXT): string {
  if (source.length > longest) return `[HTML of ${source.length} characters]`;
  const { fragment } = sanitise(source, null);
  for (const unseen of fragment.querySelectorAll("style, template")) unseen.remove();
  const texts = document.createTreeWalker(fragment, NodeFilter.SHOW_TEXT);
  while (texts.nextNode() !== null) {
    const text = texts.currentNode as Text;
    if (text.parentElement?.closest("pre") == null) text.data = text.data.replace(/\s+/g, " ");
  }
  for (const picture of fragment.querySelectorAll("img")) picture.replaceWith(`[${picture.alt}]`);
  for (const cell of fragment.querySelectorAll("td, th")) cell.append("\t");
  for (const end of fragment.querySelectorAll("br")) end.replaceWith("\n");
  for (const block of fragment.querySelectorAll(BLOCKS)) {
    block.before("\n");
    block.after("\n");
  }
  const lines = fragment.textContent
    .split("\n")
    .map((line) => line.replace(/(^|\t) (?! )/g, "$1").trimEnd());
  return lines.filter((line) => line !== "").join("\n");
}

/** A note in the place of a script. */
export function scriptNotice(): HTMLElement {
  return note("A script in this output was not run.");
}

/** `source` with the elements in `tags` alone, and without scripts. */
export function sanitiseInline(source: string, tags: readonly string[]): string {
  return DOMPurify.sanitize(source, {
    ALLOWED_TAGS: [...tags],
    ALLOWED_ATTR: ["class", "style", "title", "href", "src"],
  });
}
