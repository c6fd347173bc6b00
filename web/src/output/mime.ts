/** Which representation of a value is shown, and how. */

import { type Json, type JsonObject, type MimeBundle, objectAt, textAt } from "../messages";
import { AnsiParser, nodeFor } from "./ansi";
import { type FileAddress, renderHtml } from "./html";
import { renderJson } from "./json";
import { renderLatex } from "./typeset";

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
  readonly fileAddress: FileAddress;
}

/** Shows a value, or null when it is nothing of its type after all. */
type Renderer = (value: Value) => HTMLElement | null;

/** Richest first. */
const RENDERERS: readonly (readonly [type: string, render: Renderer])[] = [
  ["text/html", ({ text, fileAddress }) => fitting(text) && renderHtml(text, fileAddress)],
  ["text/markdown", ({ text, fileAddress }) => fitting(text) && renderMarkdown(text, fileAddress)],
  ["text/latex", ({ text }) => fitting(text) && renderLatex(text)],
  ["image/svg+xml", renderSvg],
  ["image/png", renderImage],
  ["image/jpeg", renderImage],
  ["image/webp", renderImage],
  ["image/gif", renderImage],
  ["text/image-filename", renderImageFile],
  ["application/json", ({ json }) => renderJson(json)],
  ["text/plain", ({ text }) => renderText(text, "sagecell_value")],
];

/** The element that shows a value; there is always one. */
export function renderBundle(
  data: MimeBundle,
  metadata: JsonObject,
  fileAddress: FileAddress,
): HTMLElement {
  for (const [type, render] of RENDERERS) {
    const json = data[type];
    if (json === undefined) continue;
    const text = joined(json);
    if (text === "" && type !== "application/json") continue;
    const element = render({ type, text, json, data, metadata, fileAddress });
    if (element !== null) return element;
  }
  const types = Object.keys(data).join(", ");
  return renderText(types && `A value of a kind that this page cannot show: ${types}`);
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

function renderMarkdown(source: string, fileAddress: FileAddress): HTMLElement {
  const element = document.createElement("div");
  element.className = "sagecell_markdown";
  element.append(renderText(source, "sagecell_value"));
  import("./markdown").then(
    ({ markdownToHtml }) => {
      const rendered = renderHtml(markdownToHtml(source), fileAddress);
      if (rendered !== null) element.replaceChildren(rendered);
    },
    () => undefined, // The source stays readable.
  );
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
  const address = value.fileAddress(value.text);
  return address === null ? null : image(value, address);
}

function image({ type, data, metadata }: Value, src: string): HTMLElement {
  const element = document.createElement("img");
  element.className = "sagecell_image";
  element.alt = textAt(data, "text/plain") || "Picture made by the program";
  element.src = src;
  const { width, height } = objectAt(metadata, type);
  if (typeof width === "number" && width > 0) element.width = width;
  if (typeof height === "number" && height > 0) element.height = height;
  const figure = document.createElement("div");
  figure.className = "sagecell_figure";
  figure.append(element);
  return figure;
}

/** A representation's text: notebooks may have it as a list of lines. */
function joined(value: Json): string {
  if (typeof value === "string") return value;
  return Array.isArray(value) && value.every((line) => typeof line === "string")
    ? value.join("")
    : "";
}
