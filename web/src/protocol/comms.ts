/** The data of comm messages, by target. */

import { type Json, type JsonObject, isObject, textAt } from "./json";

/** The file name of a clickable picture; empty if there is none. */
export function filenameIn(data: Json): string {
  return isObject(data) ? textAt(data, "filename") : "";
}

/** The id for the element of a matplotlib figure; empty if there is none. */
export function figureId(data: JsonObject): string {
  return textAt(data, "id");
}

/** The message for a matplotlib figure: the `data` of the comm's data, or all of it. */
export function figureMessage(data: Json): Json {
  const message = isObject(data) ? data["data"] : undefined;
  return message === undefined ? data : message;
}
