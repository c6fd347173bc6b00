/** The replies of kernels to the page's requests. */

import { type JsonObject, objectAt, objectsAt, textAt, textsAt } from "./json";

/** The result of an interact's update. */
export interface UpdateReply {
  /** The names of the files that it has written. */
  readonly newFiles: readonly string[];
  /** Why the kernel refused the values, if no output says so; otherwise empty. */
  readonly refusal: string;
}

/** Replacements for the text from `start` to `end`, which are offsets in code points. */
export interface Completion {
  readonly matches: readonly string[];
  readonly start: number;
  readonly end: number;
}

/** Error names of refusals that the kernel reports only in its reply. */
const REPLY_ONLY = new Set([
  "unknown_interact",
  "unknown_control",
  "invalid_value",
  "invalid_request",
]);

/** Decodes the reply to an interact's update. */
export function updateReply(reply: JsonObject): UpdateReply {
  const isRefused = reply["status"] === "error" && REPLY_ONLY.has(textAt(reply, "ename"));
  const refusal = isRefused ? textAt(reply, "evalue") || "These values were refused." : "";
  return { newFiles: newFiles(reply), refusal };
}

/** Decodes a complete_reply; null if it has no offsets. */
export function completeReply(reply: JsonObject): Completion | null {
  const { cursor_start: start, cursor_end: end } = reply;
  if (typeof start !== "number" || typeof end !== "number") return null;
  return { matches: textsAt(reply, "matches"), start, end };
}

/** The text/plain of an inspect_reply; empty if there is none. */
export function inspectReply(reply: JsonObject): string {
  return textAt(objectAt(reply, "data"), "text/plain");
}

/** The names of the new files that the payload of a reply lists. */
export function newFiles(reply: JsonObject): string[] {
  return objectsAt(reply, "payload").flatMap((part) => textsAt(part, "new_files"));
}
