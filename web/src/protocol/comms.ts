/** What programs and comms' views tell each other, by target. */

import { type Json, type JsonObject, isObject, textAt } from "./json";

/** The name of a clickable picture's file; empty for what names none. */
export function filenameIn(data: Json): string {
  return isObject(data) ? textAt(data, "filename") : "";
}

/** The id of the element that a figure of matplotlib wants; empty for none. */
export function figureId(data: JsonObject): string {
  return textAt(data, "id");
}

/** What is said to a figure of matplotlib. */
export function figureMessage(data: Json): Json {
  const message = isObject(data) ? data["data"] : undefined;
  return message === undefined ? data : message;
}
