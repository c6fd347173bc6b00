/** Decodes messages: the only place where a kernel's messages are parsed and validated. */

import {
  type Json,
  type JsonObject,
  isObject,
  isTooComplex,
  objectAt,
  objectsAt,
  parseObject,
  textAt,
  textsAt,
} from "./json";
import type { Contents, Display, ExecuteReply, KernelMessage, Reason } from "./messages";
import { newFiles } from "./replies";
import { buffersOf } from "./widgets/buffers";

type Decoders = {
  readonly [Type in keyof Contents]?: (content: JsonObject, message: JsonObject) => Contents[Type];
};

const TOO_COMPLEX = "\n[A message of the program is too complex for the page, and is not shown.]\n";

/** Characters of a comm's id: a longer one is none. */
const LONGEST_ID = 1000;

/** Characters of an error's name and message that are shown as the state of its program. */
const LONGEST_FAULT = 100;

const DECODERS: Decoders = {
  stream: (content) => ({
    name: content["name"] === "stderr" ? "stderr" : "stdout",
    text: textAt(content, "text"),
  }),
  display_data: display,
  execute_result: display,
  update_display_data: display,
  error: (content) => ({
    name: textAt(content, "ename"),
    value: textAt(content, "evalue"),
    traceback: tracebackOf(content),
  }),
  clear_output: (content) => ({ wait: content["wait"] === true }),
  input_request: (content) => ({
    prompt: textAt(content, "prompt"),
    isSecret: content["password"] === true,
  }),
  status: (content) => ({ state: textAt(content, "execution_state"), ...reasonIn(content) }),
  sagecell_warning: reasonIn,
  sagecell_permalink: (content) => ({ id: textAt(content, "id") }),
  execute_reply: executeReply,
  comm_open: (content, message) => ({
    id: commId(content),
    target: textAt(content, "target_name"),
    data: objectAt(content, "data"),
    version: textAt(objectAt(message, "metadata"), "version"),
    buffers: buffersOf(message),
  }),
  comm_msg: (content, message) => ({
    id: commId(content),
    data: content["data"] ?? null,
    buffers: buffersOf(message),
  }),
  comm_close: (content) => ({ id: commId(content) }),
};

/** The message in a text frame; null for any other frame. */
export function decodeFrame(frame: unknown): KernelMessage | null {
  if (typeof frame !== "string") return null;
  if (isTooComplex(frame)) return noticeFor(frame);
  const message = parseObject(frame);
  return message === null ? null : decodeMessage(message);
}

/** The message in a JSON value; null if it has no type. Parts of wrong types become empty. */
export function decodeMessage(message: Json): KernelMessage | null {
  if (!isObject(message)) return null;
  const msgType = textAt(message, "msg_type") || textAt(objectAt(message, "header"), "msg_type");
  if (msgType === "") return null;
  const { seq } = message;
  return {
    ...decodeContent(msgType, objectAt(message, "content"), message),
    parentId: textAt(objectAt(message, "parent_header"), "msg_id"),
    channel: textAt(message, "channel"),
    interactId: textAt(objectAt(message, "metadata"), "interact_id"),
    ...(typeof seq === "number" && { seq }),
  };
}

/** The beginning of a message's text as the server writes it. */
const PARENT = /^\{"header":\{[^{}]{0,20000}\},"parent_header":(\{[^{}]{0,20000}\}),/;

/** Its end. */
const NUMBER = /,"seq":(\d{1,15})(?:,"buffers":\["[^{}]*)?\}$/;

/** The output that stands for a message which is not parsed. */
function noticeFor(text: string): KernelMessage | null {
  const parent = parseObject(PARENT.exec(text.slice(0, 50_000))?.[1] ?? "") ?? {};
  const [, seq] = NUMBER.exec(text.slice(-1000)) ?? [];
  const content = { name: "stderr", text: TOO_COMPLEX };
  const message = { msg_type: "stream", parent_header: parent, content, channel: "iopub" };
  return decodeMessage(seq === undefined ? message : { ...message, seq: Number(seq) });
}

type Content = {
  [Type in keyof Contents]: { readonly type: Type; readonly content: Contents[Type] };
}[keyof Contents];

function decodeContent(msgType: string, content: JsonObject, message: JsonObject): Content {
  const decode = Object.hasOwn(DECODERS, msgType) ? DECODERS[msgType as keyof Contents] : undefined;
  if (decode !== undefined) return { type: msgType, content: decode(content, message) } as Content;
  if (msgType.endsWith("_reply")) return { type: "reply", content };
  return { type: "other", content: { msgType } };
}

function commId(content: JsonObject): string {
  const id = textAt(content, "comm_id");
  return id.length > LONGEST_ID ? "" : id;
}

function display(content: JsonObject): Display {
  return {
    data: objectAt(content, "data"),
    metadata: objectAt(content, "metadata"),
    displayId: textAt(objectAt(content, "transient"), "display_id"),
  };
}

function executeReply(content: JsonObject): ExecuteReply {
  return {
    status: content["status"] === "ok" ? "ok" : "error",
    exitStatus: exitStatusOf(content),
    fault: faultOf(content),
    newFiles: newFiles(content),
    pages: objectsAt(content, "payload")
      .map((part) => textAt(objectAt(part, "data"), "text/plain"))
      .filter((text) => text !== ""),
  };
}

function exitStatusOf(content: JsonObject): number | null {
  const status = textAt(content, "evalue");
  return textAt(content, "ename") === "SystemExit" && /^\d{1,3}$/.test(status)
    ? Number(status)
    : null;
}

/** The name of an error and the first line of its message. */
function faultOf(content: JsonObject): string {
  const [line = ""] = textAt(content, "evalue").trim().split("\n", 1);
  const name = textAt(content, "ename");
  const fault = name === "" || line === "" ? name : `${name}: ${line.trimEnd()}`;
  return fault.length > LONGEST_FAULT ? `${fault.slice(0, LONGEST_FAULT)}…` : fault;
}

function tracebackOf(content: JsonObject): string {
  const lines = textsAt(content, "traceback");
  if (lines.length > 0) return lines.join("\n");
  return `${textAt(content, "ename") || "Error"}: ${textAt(content, "evalue")}`;
}

function reasonIn(content: JsonObject): Reason {
  return { reason: textAt(content, "reason"), message: textAt(content, "message") };
}
