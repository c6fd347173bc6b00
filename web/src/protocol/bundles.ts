/** Access to MIME bundles. */

import { type Json, type JsonObject, objectAt, textAt } from "./json";
import type { KernelMessage, MimeBundle } from "./messages";

/** The bundle of a display message; null for other messages. */
export function bundleIn({ type, content }: KernelMessage): MimeBundle | null {
  switch (type) {
    case "display_data":
    case "execute_result":
    case "update_display_data":
      return content.data;
    default:
      return null;
  }
}

/** The text/plain representation; empty if there is none. */
export function plainText(data: MimeBundle): string {
  return textAt(data, "text/plain");
}

/** The size of a picture in CSS pixels, from the metadata for `type`; undefined if not given. */
export function sizeOf(
  metadata: JsonObject,
  type: string,
): { readonly width: number | undefined; readonly height: number | undefined } {
  const { width, height } = objectAt(metadata, type);
  return { width: positive(width), height: positive(height) };
}

/** An object's repr, as text/plain has it for objects that say nothing of themselves. */
const REPR = /^\s*<.*>\s*$/s;

/** Whether a text only names an object, such as `<Figure size 640x480 with 1 Axes>`. */
export function isRepr(text: string): boolean {
  return REPR.test(text);
}

/**
 * The alternative text of a picture, from the metadata for `type` or else from the plain text.
 *
 * Null if there is none: an object's repr is no description. Empty for a decorative picture.
 */
export function alternativeText(
  data: MimeBundle,
  metadata: JsonObject,
  type: string,
): string | null {
  const { alt } = objectAt(metadata, type);
  if (typeof alt === "string") return alt.toWellFormed();
  const plain = plainText(data);
  return plain === "" || isRepr(plain) ? null : plain.toWellFormed();
}

/** The text of a representation, which may be a list of lines; empty for other values. */
export function joinedText(value: Json): string {
  if (typeof value === "string") return value;
  return Array.isArray(value) && value.every((line) => typeof line === "string")
    ? value.join("")
    : "";
}

function positive(value: Json | undefined): number | undefined {
  return typeof value === "number" && value > 0 ? value : undefined;
}
