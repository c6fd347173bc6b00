/** The choice of a value's representation, and its rendering. */

import { download } from "../dom/download";
import { button, division, note } from "../dom/elements";
import { guarded, report } from "../dom/errors";
import { joinedText } from "../protocol/bundles";
import type { FramedItem } from "../protocol/frames";
import type { Json, JsonObject, MimeBundle } from "../protocol/messages";
import { AnsiParser, nodeFor } from "./text/ansi";
import { hasNames, hasPrograms } from "./frame/programs";
import { LONGEST_RICH_TEXT } from "./text/length";
import { renderInvisibleHtml } from "./html";
import { renderJson } from "./json";
import type { Showing } from "./policy";
import { renderLatex } from "./math/typeset";
import { renderAnimation, renderImage, renderPicture, renderSvg } from "./pictures/picture";

/** Characters of a text that are shown; the download has all of it. */
export const LONGEST_TEXT = 500_000;

/** The note for an item that could not be shown; the console has the error. */
export const UNSHOWN = "This part of the output could not be shown.";

/** The MIME type of a file's name. */
const FILE = "application/x-file";

/** The endings of files with rich text. */
const FILE_ENDINGS: ReadonlyMap<string, string> = new Map([
  ["text/html", "html"],
  ["text/markdown", "md"],
  ["text/latex", "tex"],
]);

interface Value {
  readonly type: string;
  readonly text: string;
  readonly json: Json;
  readonly data: MimeBundle;
  readonly metadata: JsonObject;
  readonly showing: Showing;
}

/** The element for a value; null when the value is not valid for its type, or not visible. */
type Renderer = (value: Value) => HTMLElement | null;

/** Richest first. */
const RENDERERS: readonly (readonly [type: string, render: Renderer])[] = [
  ["text/html", fitting("HTML", ({ text, showing }) => showing.html(text))],
  ["text/markdown", fitting("Markdown", ({ text, showing }) => renderMarkdown(text, showing))],
  ["text/latex", fitting("LaTeX", ({ text, showing }) => renderLatex(text, showing.byPage))],
  ["image/svg+xml", renderSvg],
  ["image/png", renderImage],
  ["image/jpeg", renderImage],
  ["image/webp", renderImage],
  ["image/gif", renderAnimation],
  ["text/image-filename", renderImageFile],
  ["application/javascript", ({ text, showing }) => showing.script(text)],
  ["application/x-jmol", renderScene],
  ["application/x-canvas3d", renderFile], // No viewer exists any more.
  [FILE, renderFile],
  ["application/json", ({ json }) => renderJson(json)],
  ["text/plain", renderPlain],
];

const BY_TYPE = new Map(RENDERERS);

/** The element for an item of output; a note if rendering throws. */
export function renderItem(item: FramedItem, showing: Showing): HTMLElement {
  return guarded(`showing ${item.kind}`, () => elementFor(item, showing)) ?? note(UNSHOWN);
}

function elementFor(item: FramedItem, showing: Showing): HTMLElement {
  switch (item.kind) {
    case "error":
      return renderTraceback(item.traceback);
    case "pager":
      return renderText(item.text, "sagecell_payload");
    case "display":
      return renderBundle(item.data, item.metadata, showing);
  }
}

/** The element for a value; for an unsupported one, a note with its MIME types. */
export function renderBundle(
  data: MimeBundle,
  metadata: JsonObject,
  showing: Showing,
): HTMLElement {
  const live = showing.live(data);
  if (live !== null) return live;
  for (const type of typesIn(data, showing)) {
    const element = renderAs(type, data, metadata, showing);
    if (element !== null) return element;
  }
  const rich = Object.keys(data).find((type) => FILE_ENDINGS.has(type) && isText(data[type]));
  if (rich !== undefined) {
    const html = rich === "text/html" ? joinedText(data[rich] ?? "") : "";
    return renderInvisibleHtml(html, showing.fileAddress);
  }
  const unknown = Object.keys(data)
    .filter((type) => type !== "text/plain")
    .join(", ");
  return renderText(unknown && `This page cannot show this kind of value: ${unknown}`);
}

/** Whether the representation that is shown of a value contains scripts. */
export function runsScripts(data: MimeBundle, showing: Showing): boolean {
  if (showing.live(data) !== null) return false;
  const shown = typesIn(data, showing).find((type) => textAs(type, data) !== "");
  switch (shown) {
    case "application/javascript":
      return true;
    case "text/html":
    case "text/markdown":
      return hasPrograms(textAs(shown, data));
    default:
      return false;
  }
}

/** Whether the HTML of a value has elements that scripts may look for. */
export function hasElements(data: MimeBundle): boolean {
  return hasNames(textAs("text/html", data));
}

/** Whether a value is only a frame with a file of the program, such as a 3D scene. */
export function isFileFrame(data: MimeBundle): boolean {
  return /^\s*<iframe\s[^<>]*?\bsrc="cell:\/\/[^<>]*><\/iframe>\s*$/i.test(
    textAs("text/html", data),
  );
}

/** Whether a value is a link to a file of the program, which only the page may save. */
export function isFileLink(data: MimeBundle): boolean {
  return Object.hasOwn(data, FILE);
}

/** The text of a representation; empty if there is none, or it is too long to be shown. */
function textAs(type: string, data: MimeBundle): string {
  const json = Object.hasOwn(data, type) ? data[type] : undefined;
  const text = json === undefined ? "" : joinedText(json);
  return text.length <= LONGEST_RICH_TEXT ? text : "";
}

/** MIME types in the order in which they are tried. */
function typesIn(data: MimeBundle, { first }: Showing): string[] {
  const wins = Object.keys(data).find((type) => first.has(type));
  const types = RENDERERS.map(([type]) => type);
  return wins === undefined ? types : [wins, ...types];
}

function isText(value: Json | undefined): boolean {
  return value === "" || (value !== undefined && joinedText(value) !== "");
}

function renderAs(
  type: string,
  data: MimeBundle,
  metadata: JsonObject,
  showing: Showing,
): HTMLElement | null {
  const json = Object.hasOwn(data, type) ? data[type] : undefined;
  if (json === undefined) return null;
  const text = joinedText(json);
  if (text === "" && type !== "application/json") return null;
  return BY_TYPE.get(type)?.({ type, text, json, data, metadata, showing }) ?? null;
}

/** Preformatted text with ANSI colours, cut after `LONGEST_TEXT` characters. */
export function renderText(text: string, className = "sagecell_note"): HTMLElement {
  const element = document.createElement("pre");
  element.className = className;
  for (const piece of new AnsiParser().parse(text.slice(0, LONGEST_TEXT))) {
    if ("text" in piece) element.append(nodeFor(piece));
  }
  if (text.length > LONGEST_TEXT) {
    const left = (text.length - LONGEST_TEXT).toLocaleString("en");
    element.append(`\n… ${left} more characters.`);
  }
  return element;
}

/** A traceback, whose last line says what is wrong: it is always shown, and wraps on phones. */
export function renderTraceback(traceback: string): HTMLElement {
  const last = traceback.trimEnd().lastIndexOf("\n") + 1;
  const element = renderText(traceback.slice(0, last), "sagecell_pyerr");
  const words = document.createElement("span");
  words.className = "sagecell_fault";
  words.append(...renderText(traceback.slice(last)).childNodes);
  if (last > LONGEST_TEXT) element.append("\n");
  element.append(words);
  return element;
}

/** The value's text/plain; null if that is only the name of an object shown by other types. */
function renderPlain({ text, data }: Value): HTMLElement | null {
  const isName = /^<[\w.<>]+(?: object)?(?: object| at 0x[0-9a-f]+)>$/i.test(text);
  if (isName && Object.keys(data).length > 1) return null;
  const element = renderText(text, "sagecell_value");
  // Without lines there are no columns: a long list or number wraps.
  element.toggleAttribute("data-single-line", !text.includes("\n"));
  return element;
}

/** Renders a rich text by `render`; one that is too long is offered as a file. */
function fitting(language: string, render: Renderer): Renderer {
  return (value) =>
    value.text.length <= LONGEST_RICH_TEXT ? render(value) : renderTooLong(language, value);
}

function renderTooLong(language: string, { type, text, data, metadata, showing }: Value) {
  const characters = text.length.toLocaleString("en");
  const offer = division(
    "sagecell_overflow",
    note(`This ${language} has ${characters} characters: too many to be shown here.`),
    button("Download", "sagecell_download", () => {
      // Not as HTML: a browser that opens it instead must not run its scripts.
      download([text], `output.${FILE_ENDINGS.get(type) ?? "txt"}`, "application/octet-stream");
    }),
  );
  const plain = renderAs("text/plain", data, metadata, showing);
  return division("sagecell_tooLong", offer, ...(plain === null ? [] : [plain]));
}

function renderMarkdown(source: string, showing: Showing): HTMLElement {
  const element = document.createElement("div");
  element.className = "sagecell_markdown";
  element.append(renderText(source, "sagecell_value"));
  import("./markdown")
    .then(({ markdownToHtml }) => {
      const rendered = showing.html(markdownToHtml(source));
      if (rendered !== null) element.replaceChildren(rendered);
    })
    // The source stays on the page.
    .catch((error: unknown) => report(error, "showing Markdown"));
  return element;
}

/** A picture among the kernel's files; the value is its name, possibly with `?m=<time>`. */
function renderImageFile(value: Value): HTMLElement | null {
  const address = value.showing.fileAddress(value.text);
  return address === null ? null : renderPicture(value, address);
}

/** The preview picture that Sage writes for a Jmol scene. */
function renderScene(value: Value): HTMLElement | null {
  const address = value.showing.fileAddress(`${value.text.replace(/(?<!\/)\/+$/, "")}/preview.png`);
  return address === null ? null : renderPicture(value, address);
}

/** A link to a file that pages do not show. */
function renderFile({ text, showing }: Value): HTMLElement | null {
  const address = showing.fileAddress(text);
  if (address === null) return null;
  const link = document.createElement("a");
  link.href = address;
  const name = text.replace(/\?.*/s, "");
  link.download = name.slice(name.lastIndexOf("/") + 1);
  link.textContent = name;
  return division("sagecell_file", link);
}
