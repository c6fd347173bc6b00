/**
 * What a Jupyter message is on this page's socket: one JSON object in one text frame.
 *
 * Source: https://jupyter-client.readthedocs.io/en/stable/messaging.html
 */

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

/** Representations of one value, by MIME type. */
export type MimeBundle = JsonObject;

/** A message that the kernel, or the server on its behalf, said. */
export interface KernelMessage {
  readonly type: string;
  readonly parentId: string;
  readonly channel: string;
  readonly content: JsonObject;
  readonly metadata?: JsonObject;
  /** The server's number of it, from 1 up; the server's own messages may have none. */
  readonly seq?: number;
}

/** A message that this page says. */
export interface ClientMessage {
  readonly header: JsonObject;
  readonly msg_id: string;
  readonly msg_type: string;
  readonly parent_header: JsonObject;
  readonly metadata: JsonObject;
  readonly content: JsonObject;
  readonly channel: "shell" | "control";
}

/** Whose message it is: ids are handed in, and so is the time. */
export interface Authorship {
  readonly msgId: string;
  readonly session: string;
  readonly date: Date;
}

/** `language` is that of the program, not of what it was wrapped in. */
export function executeRequest(code: string, language: string, by: Authorship): ClientMessage {
  const content = {
    code,
    silent: false,
    store_history: true,
    user_expressions: {},
    allow_stdin: false,
    stop_on_error: true,
  };
  return { ...clientMessage("execute_request", "shell", by, content), metadata: { language } };
}

/** Any other request on shell; interacts and completion have their own. */
export function shellRequest(type: string, content: JsonObject, by: Authorship): ClientMessage {
  return clientMessage(type, "shell", by, content);
}

export function interruptRequest(by: Authorship): ClientMessage {
  return clientMessage("interrupt_request", "control", by, {});
}

function clientMessage(
  type: string,
  channel: "shell" | "control",
  by: Authorship,
  content: JsonObject,
): ClientMessage {
  const header = {
    msg_id: by.msgId,
    msg_type: type,
    session: by.session,
    username: "",
    date: by.date.toISOString(),
    version: "5.3",
  };
  return {
    header,
    msg_id: by.msgId,
    msg_type: type,
    parent_header: {},
    metadata: {},
    content,
    channel,
  };
}

/** The message in a text frame, or null for anything that is not one. */
export function decodeFrame(frame: unknown): KernelMessage | null {
  const message = typeof frame === "string" ? parseObject(frame) : null;
  return message === null ? null : decodeMessage(message);
}

/** The message that an object is, or null for anything else. */
export function decodeMessage(message: Json): KernelMessage | null {
  if (!isObject(message)) return null;
  const header = objectAt(message, "header");
  const type = textAt(message, "msg_type") || textAt(header, "msg_type");
  if (type === "") return null;
  const { seq } = message;
  return {
    type,
    parentId: textAt(objectAt(message, "parent_header"), "msg_id"),
    channel: textAt(message, "channel"),
    content: objectAt(message, "content"),
    metadata: objectAt(message, "metadata"),
    ...(typeof seq === "number" && { seq }),
  };
}

/** A JSON object from text, or null. */
export function parseObject(text: string): JsonObject | null {
  try {
    const value: Json = JSON.parse(text);
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** `value[key]` when it is an object, else an empty one. */
export function objectAt(value: JsonObject, key: string): JsonObject {
  const inner = value[key];
  return isObject(inner) ? inner : {};
}

/** `value[key]` when it is a string, else an empty one. */
export function textAt(value: JsonObject, key: string): string {
  const inner = value[key];
  return typeof inner === "string" ? inner : "";
}

/** The strings in the array `value[key]`; none when it is no array. */
export function textsAt(value: JsonObject, key: string): string[] {
  const inner = value[key];
  return Array.isArray(inner)
    ? inner.filter((item): item is string => typeof item === "string")
    : [];
}
