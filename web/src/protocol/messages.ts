/**
 * Jupyter messages: those from kernels, decoded by type, and the requests of the page.
 *
 * Source: https://jupyter-client.readthedocs.io/en/stable/messaging.html
 */

import type { Json, JsonObject } from "./json";

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

/** The server's reason for an end, a warning or a refusal; parts that it omits are empty. */
export interface Reason {
  /** An error code for programs. */
  readonly reason: string;
  /** A sentence for people. */
  readonly message: string;
}

/** The content of each type of message. */
export interface Contents {
  readonly stream: { readonly name: "stdout" | "stderr"; readonly text: string };
  readonly display_data: Display;
  readonly execute_result: Display;
  readonly update_display_data: Display;
  readonly error: { readonly traceback: string };
  readonly clear_output: { readonly wait: boolean };
  readonly status: Reason & { readonly state: string };
  readonly sagecell_warning: Reason;
  /** The permalink of the program that was run; its id is empty when it was not stored. */
  readonly sagecell_permalink: { readonly id: string };
  readonly execute_reply: ExecuteReply;
  /** A reply to any other request, not decoded. */
  readonly reply: JsonObject;
  readonly comm_open: { readonly id: string; readonly target: string; readonly data: JsonObject };
  readonly comm_msg: { readonly id: string; readonly data: Json };
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

/** A message from the page. */
export interface ClientMessage {
  readonly header: JsonObject;
  readonly msg_id: string;
  readonly msg_type: string;
  readonly parent_header: JsonObject;
  readonly metadata: JsonObject;
  readonly content: JsonObject;
  readonly channel: "shell" | "control";
}

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
 * With `permalink` the server also stores the program.
 */
export function executeRequest(
  code: string,
  language: string,
  by: Authorship,
  permalink: PermalinkWish | null = null,
): ClientMessage {
  const content = {
    code,
    silent: false,
    store_history: true,
    user_expressions: {},
    allow_stdin: false,
    stop_on_error: true,
  };
  const wish = permalink === null ? {} : { sagecell: { permalink: true, ...permalink } };
  const metadata = { language, ...wish };
  return { ...clientMessage("execute_request", "shell", by, content), metadata };
}

/** Any other request on the shell channel, such as for interacts and completion. */
export function shellRequest(type: string, content: JsonObject, by: Authorship): ClientMessage {
  return clientMessage(type, "shell", by, content);
}

/** An interrupt_request, on the control channel. */
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
