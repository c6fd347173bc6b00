/** A widget's comm in a frame, which leads to the page around it. */

import type { IClassicComm, ICallbacks } from "@jupyter-widgets/base";

import type { JsonObject } from "../protocol/messages";
import type { WidgetEvent } from "../protocol/widgets/orders";

/** A message of a comm, as the models of ipywidgets take it. */
export interface CommMessage {
  readonly content: { readonly comm_id: string; readonly data: JsonObject };
  readonly parent_header: { readonly msg_id: string };
  readonly metadata: { readonly version?: string };
  readonly buffers: readonly DataView[];
}

type Listener = (message: CommMessage) => void;

/** The events of a frame's comms, and what is called when the kernel has handled one. */
export class Events {
  readonly #send: (event: WidgetEvent) => void;
  readonly #handled = new Map<number, () => void>();
  #sent = 0;
  #isOver = false;

  constructor(send: (event: WidgetEvent) => void) {
    this.#send = send;
  }

  /** Sends an event; its number as a text. */
  send(event: Omit<WidgetEvent, "sent">, handled: () => void): string {
    if (this.#isOver) return "";
    this.#sent += 1;
    this.#handled.set(this.#sent, handled);
    this.#send({ ...event, sent: this.#sent });
    return String(this.#sent);
  }

  /** The kernel has handled an event, or will never. */
  done(sent: number): void {
    const handled = this.#handled.get(sent);
    this.#handled.delete(sent);
    handled?.();
  }

  /** No event is sent any more. */
  end(): void {
    this.#isOver = true;
    this.#handled.clear();
  }
}

/** The comm of one model. */
export class FrameComm implements IClassicComm {
  readonly comm_id: string;
  readonly target_name = "jupyter.widget";
  readonly #events: Events;
  #onMessage: Listener | null = null;
  /** Messages from before the model, whose code may take a moment to create it. */
  #early: CommMessage[] = [];
  #onClose: Listener | null = null;

  constructor(id: string, events: Events) {
    this.comm_id = id;
    this.#events = events;
  }

  /** Not for comms that the kernel has opened, as all here. */
  open(): string {
    throw new Error("A widget is opened by its program.");
  }

  send(
    data: unknown,
    callbacks?: ICallbacks,
    _metadata?: unknown,
    buffers: unknown[] = [],
  ): string {
    const id = this.comm_id;
    const event = { id, data: data as JsonObject, buffers: buffers.map(copied) };
    return this.#events.send(event, () => {
      const idle = { content: { execution_state: "idle" } };
      callbacks?.iopub?.["status"]?.(idle as never);
    });
  }

  /** Closes nothing: the program may show the widget elsewhere. */
  close(): string {
    return "";
  }

  on_msg(listener: Listener): void {
    this.#onMessage = listener;
    for (const message of this.#early.splice(0)) listener(message);
  }

  on_close(listener: Listener): void {
    this.#onClose = listener;
  }

  /** Passes data from the kernel on; `parent` is the text that `send` returned, or empty. */
  heard(data: JsonObject, buffers: readonly ArrayBuffer[], parent: string): void {
    const message = commMessage(this.comm_id, data, buffers, "", parent);
    if (this.#onMessage === null) this.#early.push(message);
    else this.#onMessage(message);
  }

  /** The kernel has closed it. */
  closed(): void {
    this.#onClose?.(commMessage(this.comm_id, {}, [], ""));
  }
}

/** A message in the form that the models of ipywidgets take. */
export function commMessage(
  id: string,
  data: JsonObject,
  buffers: readonly ArrayBuffer[],
  version: string,
  parent = "",
): CommMessage {
  return {
    content: { comm_id: id, data },
    parent_header: { msg_id: parent },
    metadata: { version },
    buffers: buffers.map((buffer) => new DataView(buffer)),
  };
}

/** The bytes of a buffer or of a view, which may show a part of a longer one. */
function copied(bytes: unknown): ArrayBuffer {
  if (bytes instanceof ArrayBuffer) return bytes;
  const view = bytes as ArrayBufferView;
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength).slice().buffer;
}
