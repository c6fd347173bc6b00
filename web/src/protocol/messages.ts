/**
 * Jupyter's messages as this page has them: what kernels say, by kind, and what the page asks.
 *
 * Source: https://jupyter-client.readthedocs.io/en/stable/messaging.html
 */

import type { Json, JsonObject } from "./json";

export type { Json, JsonObject } from "./json";

/** Representations of one value, by MIME type. */
export type MimeBundle = JsonObject;

/** What is shown of a value. */
export interface Display {
  readonly data: MimeBundle;
  /** By MIME type, such as a picture's size. */
  readonly metadata: JsonObject;
  /** The name under which it can be updated; empty for none. */
  readonly displayId: string;
}

/** What a request has come to. */
export interface ExecuteReply {
  readonly status: "ok" | "error";
  /** That with which the program ended itself, if it is why the status is "error"; else null. */
  readonly exitStatus: number | null;
  /** Names of the files that the program made. */
  readonly newFiles: readonly string[];
  /** Texts for a pager, such as the help that `len?` asks for. */
  readonly pages: readonly string[];
}

/** Why something ends, is about to, or is refused, in the server's words; empty where it has none. */
export interface Reason {
  /** A word for programs. */
  readonly reason: string;
  /** A sentence for people. */
  readonly message: string;
}

/** The content of each kind of message. */
export interface Contents {
  readonly stream: { readonly name: "stdout" | "stderr"; readonly text: string };
  readonly display_data: Display;
  readonly execute_result: Display;
  readonly update_display_data: Display;
  readonly error: { readonly traceback: string };
  readonly clear_output: { readonly wait: boolean };
  readonly status: Reason & { readonly state: string };
  readonly sagecell_warning: Reason;
  readonly execute_reply: ExecuteReply;
  /** A reply to any other request; whoever asked knows its content. */
  readonly reply: JsonObject;
  readonly comm_open: { readonly id: string; readonly target: string; readonly data: JsonObject };
  readonly comm_msg: { readonly id: string; readonly data: Json };
  readonly comm_close: { readonly id: string };
  /** A message of a kind that the page has no use for. */
  readonly other: { readonly msgType: string };
}

interface Message<Type extends keyof Contents> {
  readonly type: Type;
  readonly content: Contents[Type];
  /** The id of the request that it answers; empty for none. */
  readonly parentId: string;
  readonly channel: string;
  /** The interact in whose output it belongs; empty for the cell's. */
  readonly interactId: string;
  /** The server's number of it, from 1 up; the server's own messages may have none. */
  readonly seq?: number;
}

/** A message that the kernel, or the server on its behalf, said. */
export type KernelMessage = { [Type in keyof Contents]: Message<Type> }[keyof Contents];

/** A message of these kinds. */
export type MessageOf<Type extends keyof Contents> = Extract<KernelMessage, { type: Type }>;

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
