/** Pictures in the output: one whose text is in the message, or at an address. */

import { wellFormedSvg } from "../../dom/svg";
import { alternativeText, sizeOf } from "../../protocol/bundles";
import type { JsonObject, MimeBundle } from "../../protocol/messages";
import { calm } from "./motion";

/** What a message says of a picture of this MIME type. */
export interface Described {
  readonly type: string;
  readonly data: MimeBundle;
  readonly metadata: JsonObject;
}

/** A picture whose text is in the message. */
export interface Inline extends Described {
  readonly text: string;
}

/** SVG in an <img>, where its scripts do not run and it loads nothing. */
export function renderSvg(value: Inline): HTMLElement {
  const source = wellFormedSvg(value.text.toWellFormed());
  return renderPicture(value, `data:image/svg+xml,${encodeURIComponent(source)}`);
}

/** A picture in Base64; null if its text is none. */
export function renderImage(value: Inline): HTMLElement | null {
  const base64 = value.text.replace(/\s+/g, "");
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) return null;
  return renderPicture(value, `data:${value.type};base64,${base64}`);
}

/** An animated picture in Base64, still for readers who prefer that; null if its text is none. */
export function renderAnimation(value: Inline): HTMLElement | null {
  const figure = renderImage(value);
  const picture = figure?.querySelector("img");
  if (figure && picture) calm(picture, figure);
  return figure;
}

/** The picture at an address. */
export function renderPicture({ type, data, metadata }: Described, src: string): HTMLElement {
  const element = document.createElement("img");
  element.className = "sagecell_image";
  element.alt = alternativeText(data, metadata, type) ?? "Picture made by the program";
  element.src = src;
  const { width, height } = sizeOf(metadata, type);
  if (width !== undefined) element.width = width;
  if (height !== undefined) element.height = height;
  const figure = document.createElement("div");
  figure.className = "sagecell_figure";
  figure.append(element);
  return figure;
}
