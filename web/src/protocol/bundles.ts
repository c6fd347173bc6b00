/** Looks into representations of a value by MIME type. */

import { type Json, type JsonObject, objectAt, textAt } from "./json";
import type { KernelMessage, MimeBundle } from "./messages";

/** What a display shows; null for a message that is none. */
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

/** The plain form of a value; empty where there is none. */
export function plainText(data: MimeBundle): string {
  return textAt(data, "text/plain");
}

/** A picture's size in CSS pixels; what is no size is undefined. */
export function sizeOf(
  metadata: JsonObject,
  type: string,
): { readonly width: number | undefined; readonly height: number | undefined } {
  const { width, height } = objectAt(metadata, type);
  return { width: positive(width), height: positive(height) };
}

/** A representation's text: notebooks may have it as a list of lines. Empty for anything else. */
export function joinedText(value: Json): string {
  if (typeof value === "string") return value;
  return Array.isArray(value) && value.every((line) => typeof line === "string")
    ? value.join("")
    : "";
}

function positive(value: Json | undefined): number | undefined {
  return typeof value === "number" && value > 0 ? value : undefined;
}
