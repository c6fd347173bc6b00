/** Which representation of a value is shown, and how. */

import { division } from "../dom/elements";
import { report } from "../dom/errors";
import { joinedText, plainText, sizeOf } from "../protocol/bundles";
import type { Json, JsonObject, MimeBundle } from "../protocol/messages";
import { AnsiParser, nodeFor } from "./text/ansi";
import { hasNames, hasPrograms } from "./frame/programs";
import { renderJson } from "./json";
import type { Showing } from "./policy";
import { renderLatex } from "./math/typeset";

/** Text past this many characters is left to the download. */
export const LONGEST_TEXT = 500_000;

/** HTML past this many characters would keep the page busy for seconds: its plain form is shown. */
const LONGEST_HTML = 5_000_000;

interface Value {
  readonly type: string;
  readonly text: string;
  readonly json: Json;
  readonly data: MimeBundle;
  readonly metadata: JsonObject;
  readonly showing: Showing;
}

/** Shows a value, or null when it is nothing of its type after all. */
type Renderer = (value: Value) => HTMLElement | null;

/** Richest first. */
const RENDERERS: readonly (readonly [type: string, render: Renderer])[] = [
  ["text/html", ({ text, showing }) => fitting(text) && showing.html(text)],
  ["text/markdown", ({ text, showing }) => fitting(text) && renderMarkdown(text, showing)],
  ["text/latex", ({ text, showing }) => fitting(text) && renderLatex(text, showing.byPage)],
  ["image/svg+xml", renderSvg],
  ["image/png", renderImage],
  ["image/jpeg", renderImage],
  ["image/webp", renderImage],
  ["image/gif", renderImage],
  ["text/image-filename", renderImageFile],
  ["application/javascript", ({ text, showing }) => showing.script(text)],
  ["application/x-jmol", renderScene],
  ["application/x-canvas3d", renderFile], // its viewer has died out
  ["application/x-file", renderFile],
  ["application/json", ({ json }) => renderJson(json)],
  ["text/plain", ({ text }) => renderText(text, "sagecell_value")],
];

const BY_TYPE = new Map(RENDERERS);

/** The element that shows a value; there is always one. */
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
  const unknown = Object.keys(data).join(", ");
  return renderText(unknown && `A value of a kind that this page cannot show: ${unknown}`);
}

/** Whether scripts would run in what is shown of a value. */
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

/** Whether scripts may look for elements in what is shown of a value. */
export function hasElements(data: MimeBundle): boolean {
  return hasNames(textAs("text/html", data));
}

/** The text of a representation; empty where there is none, or where it is too long to be shown. */
function textAs(type: string, data: MimeBundle): string {
  const json = Object.hasOwn(data, type) ? data[type] : undefined;
  const text = json === undefined ? "" : joinedText(json);
  return text.length <= LONGEST_HTML ? text : "";
}

/** Types of representation that there may be, in the order in which they are tried. */
function typesIn(data: MimeBundle, { first }: Showing): string[] {
  const wins = Object.keys(data).find((type) => first.has(type));
  const types = RENDERERS.map(([type]) => type);
  return wins === undefined ? types : [wins, ...types];
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

/** Preformatted text with its ANSI colours. */
export function renderText(text: string, className = "sagecell_note"): HTMLElement {
  const element = document.createElement("pre");
  element.className = className;
  for (const piece of new AnsiParser().parse(text.slice(0, LONGEST_TEXT))) {
    if ("text" in piece) element.append(nodeFor(piece));
  }
  if (text.length > LONGEST_TEXT) {
    const left = (text.length - LONGEST_TEXT).toLocaleString("en");
    element.append(`\n… ${left} characters more.`);
  }
  return element;
}

function fitting(text: string): null | true {
  return text.length <= LONGEST_HTML ? true : null;
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
    // The source stays readable.
    .catch((error: unknown) => report(error, "showing Markdown"));
  return element;
}

/** SVG as a picture: in an <img> no script of it runs and nothing is fetched. */
function renderSvg(value: Value): HTMLElement {
  return image(value, `data:image/svg+xml,${encodeURIComponent(value.text.toWellFormed())}`);
}

function renderImage(value: Value): HTMLElement | null {
  if (!/^[A-Za-z0-9+/\s]+={0,2}\s*$/.test(value.text)) return null;
  return image(value, `data:${value.type};base64,${value.text.replace(/\s+/g, "")}`);
}

/** `name`, or `name?m=<time>`, of a picture among the kernel's files. */
function renderImageFile(value: Value): HTMLElement | null {
  const address = value.showing.fileAddress(value.text);
  return address === null ? null : image(value, address);
}

/** The picture that Sage makes beside a scene for Jmol. */
function renderScene(value: Value): HTMLElement | null {
  const address = value.showing.fileAddress(`${value.text.replace(/\/+$/, "")}/preview.png`);
  return address === null ? null : image(value, address);
}

/** A file of a kind that pages do not show: a link to it. */
function renderFile({ text, showing }: Value): HTMLElement | null {
  const address = showing.fileAddress(text);
  if (address === null) return null;
  const link = document.createElement("a");
  link.href = address;
  link.textContent = text.replace(/\?.*/s, "");
  return division("sagecell_file", link);
}

function image({ type, data, metadata }: Value, src: string): HTMLElement {
  const element = document.createElement("img");
  element.className = "sagecell_image";
  element.alt = plainText(data) || "Picture made by the program";
  element.src = src;
  const { width, height } = sizeOf(metadata, type);
  if (width !== undefined) element.width = width;
  if (height !== undefined) element.height = height;
  const figure = document.createElement("div");
  figure.className = "sagecell_figure";
  figure.append(element);
  return figure;
}
