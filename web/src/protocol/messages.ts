/**
 * Jupyter messages: those from kernels, decoded by type, and the requests of the page.
 *
 * Source: https://jupyter-client.readthedocs.io/en/stable/messaging.html
 */

import { type Json, type JsonObject, objectAt } from "./json";
import { encodeBuffers } from "./widgets/buffers";

export type { Json, JsonObject } from "./json";

/** The representations of one value, by MIME type. */
export type MimeBundle = JsonObject;

/** The content of a display. */
export interface Display {
  readonly data: MimeBundle;
  /** Metadata by MIME type, such as the size of a picture. */
  readonly metadata: JsonObject;
  /** The id for updates; empty for none. */
  readonly displayId: string;
}

/** The content of an execute_reply. */
export interface ExecuteReply {
  readonly status: "ok" | "error";
  /** The program's exit status, if it failed by an exit; else null. */
  readonly exitStatus: number | null;
  /** What the program failed with: "NameError: name 'x' is not defined"; empty if that is unknown. */
  readonly fault: string;
  /** The names of the files that the program has written. */
  readonly newFiles: readonly string[];
  /** Texts for a pager, such as the help that `len?` asks for. */
  readonly pages: readonly string[];
}

/** What a program asks by `input()`, or by `getpass()` for what nobody else is to read. */
export interface Question {
  readonly prompt: string;
  readonly isSecret: boolean;
}

/** The server's reason for an end, a warning or a refusal; parts that it omits are empty. */
export interface Reason {
  /** An error code for programs. */
  readonly reason: string;
  /** A sentence for people. */
  readonly message: string;
}

/** The beginning of a comm. */
export interface CommOpen {
  readonly id: string;
  readonly target: string;
  readonly data: JsonObject;
  /** The version of the target's own protocol; empty if it gives none. */
  readonly version: string;
  readonly buffers: readonly ArrayBuffer[];
}

/** The content of each type of message. */
export interface Contents {
  readonly stream: { readonly name: "stdout" | "stderr"; readonly text: string };
  readonly display_data: Display;
  readonly execute_result: Display;
  readonly update_display_data: Display;
  /** `name` and `value` are empty if they are not given. */
  readonly error: { readonly name: string; readonly value: string; readonly traceback: string };
  readonly clear_output: { readonly wait: boolean };
  readonly input_request: Question;
  readonly status: Reason & { readonly state: string };
  readonly sagecell_warning: Reason;
  /** The permalink of the program that was run; its id is empty when it was not stored. */
  readonly sagecell_permalink: { readonly id: string };
  readonly execute_reply: ExecuteReply;
  /** A reply to any other request, not decoded. */
  readonly reply: JsonObject;
  readonly comm_open: CommOpen;
  readonly comm_msg: {
    readonly id: string;
    readonly data: Json;
    readonly buffers: readonly ArrayBuffer[];
  };
  readonly comm_close: { readonly id: string };
  /** A message of any other type. */
  readonly other: { readonly msgType: string };
}

interface Message<Type extends keyof Contents> {
  readonly type: Type;
  readonly content: Contents[Type];
  /** The id of the request that caused it; empty for none. */
  readonly parentId: string;
  /** "iopub", "shell" or "control"; empty if not given. */
  readonly channel: string;
  /** The interact to whose output it belongs; empty for the cell's. */
  readonly interactId: string;
  /** The server's sequence number, from 1; messages of the server itself may have none. */
  readonly seq?: number;
}

/** A message from the kernel, or from the server on its behalf. */
export type KernelMessage = { [Type in keyof Contents]: Message<Type> }[keyof Contents];

/** A message of the type `Type`. */
export type MessageOf<Type extends keyof Contents> = Extract<KernelMessage, { type: Type }>;

/** Types of messages that a program's output consists of, and what it asks in between. */
const OUTPUT: ReadonlySet<string> = new Set([
  "stream",
  "display_data",
  "execute_result",
  "update_display_data",
  "error",
  "clear_output",
  "input_request",
]);

/** Whether a message is output of a program. */
export function isOutput({ type }: KernelMessage): boolean {
  return OUTPUT.has(type);
}

/** The server's reason for not passing a message of the page on; null for other messages. */
export function refusalIn({ type, content, seq }: KernelMessage): Reason | null {
  // The errors of programs have numbers.
  if (type !== "error" || seq !== undefined) return null;
  return { reason: content.name, message: content.value };
}

/** The message by which a program prints `text`. */
export function printed(text: string): MessageOf<"stream"> {
  const content = { name: "stdout", text } as const;
  return { type: "stream", content, parentId: "", channel: "iopub", interactId: "" };
}

/** A message from the page. */
export interface ClientMessage {
  readonly header: JsonObject;
  readonly msg_id: string;
  readonly msg_type: string;
  readonly parent_header: JsonObject;
  readonly metadata: JsonObject;
  readonly content: JsonObject;
  readonly channel: ClientChannel;
  /** Bytes beside the content, as base64; absent without any. */
  readonly buffers?: readonly string[];
}

type ClientChannel = "shell" | "control" | "stdin";

/** The message id, session id and time for the header of a message. */
export interface Authorship {
  readonly msgId: string;
  readonly session: string;
  readonly date: Date;
}

/** What a permalink is to bring back besides the code that is run. */
export interface PermalinkWish {
  /** The program before it was wrapped in Python; absent if it was not. */
  readonly code?: string;
  /** JSON: an array with the state of each interact; absent without any. */
  readonly interacts?: string;
}

/**
 * An execute_request; `language` is that of the program before it was wrapped in Python.
 *
 * With `permalink` the server also stores the program. If it `waits`, the reply comes when the
 * program's threads and child processes have ended, or after a time that the server sets. If it
 * `answers`, the program may ask by `input()`.
 */
export function executeRequest(
  code: string,
  language: string,
  by: Authorship,
  permalink: PermalinkWish | null = null,
  waits = false,
  answers = false,
): ClientMessage {
  const content = {
    code,
    silent: false,
    store_history: true,
    user_expressions: {},
    allow_stdin: answers,
    stop_on_error: true,
  };
  const sagecell = {
    ...(permalink !== null && { permalink: true, ...permalink }),
    ...(waits && { wait: true }),
  };
  const hasWishes = Object.keys(sagecell).length > 0;
  const metadata = { language, ...(hasWishes && { sagecell }) };
  return { ...clientMessage("execute_request", "shell", by, content), metadata };
}

/** Whether a request asks the server to store its program. */
export function asksForPermalink({ metadata }: ClientMessage): boolean {
  return objectAt(metadata, "sagecell")["permalink"] === true;
}

/** Any other request on the shell channel, such as for interacts and completion. */
export function shellRequest(
  type: string,
  content: JsonObject,
  by: Authorship,
  buffers: readonly ArrayBuffer[] = [],
): ClientMessage {
  const message = clientMessage(type, "shell", by, content);
  return buffers.length === 0 ? message : { ...message, buffers: encodeBuffers(buffers) };
}

/** An interrupt_request, on the control channel. */
export function interruptRequest(by: Authorship): ClientMessage {
  return clientMessage("interrupt_request", "control", by, {});
}

/** The answer to an input_request, on the stdin channel. */
export function inputReply(value: string, by: Authorship): ClientMessage {
  return clientMessage("input_reply", "stdin", by, { value });
}

function clientMessage(
  type: string,
  channel: ClientChannel,
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
