/** What kernels reply to the page's requests. */

import { type JsonObject, objectAt, objectsAt, textAt, textsAt } from "./json";

/** What an interact's update has come to. */
export interface UpdateReply {
  /** Names of the files that it made. */
  readonly newFiles: readonly string[];
  /** Why the kernel did not take the values, where it says so nowhere else; empty when it did. */
  readonly refusal: string;
}

/** What could stand from `start` to `end`, in code points. */
export interface Completion {
  readonly matches: readonly string[];
  readonly start: number;
  readonly end: number;
}

/** Refusals about which the kernel says nothing but in its reply. */
const UNSAID = new Set(["unknown_interact", "unknown_control", "invalid_value", "invalid_request"]);

export function updateReply(reply: JsonObject): UpdateReply {
  const isRefused = reply["status"] === "error" && UNSAID.has(textAt(reply, "ename"));
  const refusal = isRefused ? textAt(reply, "evalue") || "The kernel refused these values." : "";
  return { newFiles: newFiles(reply), refusal };
}

/** Null for a reply that names no place. */
export function completeReply(reply: JsonObject): Completion | null {
  const { cursor_start: start, cursor_end: end } = reply;
  if (typeof start !== "number" || typeof end !== "number") return null;
  return { matches: textsAt(reply, "matches"), start, end };
}

/** The explanation as plain text; empty where there is none. */
export function inspectReply(reply: JsonObject): string {
  return textAt(objectAt(reply, "data"), "text/plain");
}

/** The names of files that a reply announces in its payload. */
export function newFiles(reply: JsonObject): string[] {
  return objectsAt(reply, "payload").flatMap((part) => textsAt(part, "new_files"));
}
