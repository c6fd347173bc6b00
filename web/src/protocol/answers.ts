/** What the server answers to plain requests, as JSON. */

import { decodeMessage } from "./decode";
import { type JsonObject, objectAt, objectsAt, parseObject, textAt } from "./json";
import type { KernelMessage, Reason } from "./messages";

/** An answer that can be read. */
export interface Answer {
  /** Why it is a refusal; null for one that is none. */
  readonly refusal: Reason | null;
  /** Seconds after which to ask again, where the answer itself has them. */
  readonly retryAfter: number | null;
  readonly value: JsonObject;
}

/** The two short forms of a program that its link can carry. */
export interface Permalink {
  readonly zip: string;
  readonly query: string;
  readonly interacts: string;
}

/** What is answered to requests about a kernel's messages. */
export interface MessagesAnswer {
  readonly messages: readonly KernelMessage[];
  /** Why some of the messages sent were not taken; null in an answer that is about no such. */
  readonly refused: readonly Reason[] | null;
  /** Why there is no other answer. */
  readonly refusal: Reason;
}

/** A program that the server's own page begins with. */
export interface PageProgram {
  readonly code: string;
  readonly language: string;
  /** JSON: an array with the state of each interact. */
  readonly interacts: string;
  readonly autoeval: boolean;
}

/** Null for what is no JSON object. */
export function decodeAnswer(text: string): Answer | null {
  const value = parseObject(text);
  if (value === null) return null;
  const { retry_after: seconds } = value;
  const retryAfter = typeof seconds === "number" && seconds >= 0 ? seconds : null;
  return { refusal: "error" in value ? errorIn(value) : null, retryAfter, value };
}

/** A new kernel: its id, which may be none, and the address that the server believes to be its own. */
export function kernelIn(answer: JsonObject): { readonly id: string; readonly wsUrl: string } {
  return { id: textAt(answer, "id"), wsUrl: textAt(answer, "ws_url") };
}

export function permalinkIn(answer: JsonObject): Permalink {
  return {
    zip: textAt(answer, "zip"),
    query: textAt(answer, "query"),
    interacts: textAt(answer, "interacts"),
  };
}

/** The content of a reply that came alone. */
export function replyIn(answer: JsonObject): JsonObject {
  return objectAt(answer, "content");
}

export function decodeMessagesAnswer(text: string): MessagesAnswer {
  const answer = parseObject(text) ?? {};
  const messages = objectsAt(answer, "messages").map(decodeMessage);
  return {
    messages: messages.filter((message) => message !== null),
    refused: "refused" in answer ? objectsAt(answer, "refused").map(errorIn) : null,
    refusal: errorIn(answer),
  };
}

/** The reason of a WebSocket's close: JSON like a refusal's, or nothing. */
export function decodeCloseReason(text: string): Reason {
  return errorIn(parseObject(text) ?? {});
}

export function decodePage(text: string): PageProgram {
  const page = parseObject(text) ?? {};
  return {
    code: textAt(page, "code"),
    language: textAt(page, "language"),
    interacts: textAt(page, "interacts"),
    autoeval: page["autoeval"] === true,
  };
}

function errorIn(answer: JsonObject): Reason {
  return { reason: textAt(answer, "error"), message: textAt(answer, "message") };
}
