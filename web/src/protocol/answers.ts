/** The server's answers to HTTP requests, which are JSON. */

import { decodeFrame, decodeMessage } from "./decode";
import { type JsonObject, objectAt, objectsAt, parseObject, textAt } from "./json";
import type { KernelMessage, Reason } from "./messages";

/** An answer that is a JSON object. */
export interface Answer {
  /** The reason if the answer is a refusal; otherwise null. */
  readonly refusal: Reason | null;
  /** Seconds after which to retry; null if the answer does not contain them. */
  readonly retryAfter: number | null;
  /** The whole answer. */
  readonly value: JsonObject;
}

/** The values of the query parameters in permalinks to a program. */
export interface Permalink {
  /** The compressed program, for `z`. */
  readonly zip: string;
  /** The key of the stored program, for `q`. */
  readonly query: string;
  /** The compressed state of interacts, for `interacts`; empty for none. */
  readonly interacts: string;
}

/** The answer to a request for, or with, a kernel's messages. */
export interface MessagesAnswer {
  readonly messages: readonly KernelMessage[];
  /** The number of the last message; 0 if the answer does not contain it. */
  readonly after: number;
  /** The reasons why sent messages were rejected; null in other answers. */
  readonly refused: readonly Reason[] | null;
  /** The reason if the answer is a refusal; otherwise empty. */
  readonly refusal: Reason;
}

/** Decodes an answer; null when it is not a JSON object. */
export function decodeAnswer(text: string): Answer | null {
  const value = parseObject(text);
  if (value === null) return null;
  const { retry_after: seconds } = value;
  const retryAfter = typeof seconds === "number" && seconds >= 0 ? seconds : null;
  return { refusal: "error" in value ? errorIn(value) : null, retryAfter, value };
}

/** A new kernel's id (empty if missing), and the server's base address as the server sees it. */
export function kernelIn(answer: JsonObject): { readonly id: string; readonly wsUrl: string } {
  return { id: textAt(answer, "id"), wsUrl: textAt(answer, "ws_url") };
}

/** The answer to POST /permalink; missing values are empty. */
export function permalinkIn(answer: JsonObject): Permalink {
  return {
    zip: textAt(answer, "zip"),
    query: textAt(answer, "query"),
    interacts: textAt(answer, "interacts"),
  };
}

/** The languages in the answer to GET /status.json; empty as long as the server does not know them. */
export function languagesIn(answer: JsonObject): readonly string[] {
  const { languages } = answer;
  return Array.isArray(languages) ? languages.filter((name) => typeof name === "string") : [];
}

/** The content of the Jupyter reply that is the answer; empty if missing. */
export function replyIn(answer: JsonObject): JsonObject {
  return objectAt(answer, "content");
}

/** The first line of an answer with a kernel's messages, each of which has a line of its own. */
const OPENING = '{"messages":[';

/**
 * Decodes an answer about messages; all parts are empty when it is malformed.
 *
 * A kernel's messages are decoded one by one. The JSON of one may be malformed, and must be neither
 * the end of the others nor the beginning of messages that claim to be the server's.
 */
export function decodeMessagesAnswer(text: string): MessagesAnswer {
  const [first, ...lines] = text.split("\n");
  const last = lines.pop();
  const isInLines = first === OPENING && last !== undefined;
  const answer = parseObject(isInLines ? OPENING + last : text) ?? {};
  const messages = isInLines
    ? lines.map((line) => decodeFrame(line.endsWith(",") ? line.slice(0, -1) : line))
    : objectsAt(answer, "messages").map(decodeMessage);
  const { after } = answer;
  return {
    messages: messages.filter((message) => message !== null),
    after: typeof after === "number" ? after : 0,
    refused: "refused" in answer ? objectsAt(answer, "refused").map(errorIn) : null,
    refusal: errorIn(answer),
  };
}

/** Decodes the reason of a WebSocket's close, which is JSON like a refusal; empty if it is not. */
export function decodeCloseReason(text: string): Reason {
  return errorIn(parseObject(text) ?? {});
}

function errorIn(answer: JsonObject): Reason {
  return { reason: textAt(answer, "error"), message: textAt(answer, "message") };
}
