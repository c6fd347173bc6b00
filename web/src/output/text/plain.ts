/** Displayed values as plain text, for a download. */

import { alternativeText, isRepr, joinedText, plainText } from "../../protocol/bundles";
import type { JsonObject, MimeBundle } from "../../protocol/messages";
import { withoutAnsi } from "./ansi";

const PICTURE = /^(?:image\/|text\/image-filename$|application\/x-jmol$)/;

/**
 * A bundle as text: what its text/plain says, unless that is only an object's repr, or else the text of
 * its other representations. In brackets is what stands for something that is no text.
 */
export function displayText(
  data: MimeBundle,
  metadata: JsonObject,
  textOfHtml: (source: string) => string,
): string {
  const plain = withoutAnsi(plainText(data));
  if (plain !== "" && !isRepr(plain)) return plain;
  for (const type of ["text/html", "text/markdown", "text/latex"]) {
    const source = Object.hasOwn(data, type) ? joinedText(data[type] ?? null) : "";
    const text = type === "text/html" ? textOfHtml(source) : source.trim();
    if (text !== "") return text;
  }
  const picture = Object.keys(data).find((type) => PICTURE.test(type));
  if (picture !== undefined) {
    return `[${alternativeText(data, metadata, picture) || "Picture made by the program"}]`;
  }
  const others = Object.keys(data).filter((type) => type !== "text/plain");
  if (others.includes("text/html")) return "[HTML without text]";
  return others.length > 0 ? `[${others.join(", ")}]` : plain;
}
