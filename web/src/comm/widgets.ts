/**
 * The widgets of one kernel, in all frames that show them.
 *
 * Each frame has models and views of its own. The kernel has the truth: it tells what changes, and
 * repeats what one frame has changed, so that widgets in other frames follow.
 *
 * Source: https://github.com/jupyter-widgets/ipywidgets/blob/main/packages/schema/messages.md
 */

import { guarded, report } from "../dom/errors";
import type { WidgetConnection, WidgetSource } from "../output/frame/link";
import { type Ask, KernelGone } from "../protocol/ask";
import type { JsonObject, KernelMessage, MessageOf } from "../protocol/messages";
import type { MessageHandler } from "../protocol/router";
import { type WidgetEvent, type WidgetOrder, widgetData } from "../protocol/widgets/orders";
import { Captures } from "./captures";
import { Models } from "./models";
import type { CommPlace } from "./registry";

/** The target of widgets' comms. */
const TARGET = "jupyter.widget";

/** Models that a kernel may have at once; further ones are closed. */
const MOST = 10_000;

/** Bytes in one message to the kernel, below the server's limit of 4 MiB. */
const MOST_SENT = 3_900_000;

/** Events for whose output the place is remembered. */
const REMEMBERED = 100;

const TOO_LONG =
  "This is too long to be sent to the program: a message may have about 3.9 MB, a file about 2.9 MB.";

/** What one kernel has told, from its start to its end. */
interface Life {
  readonly models: Models;
  readonly captures: Captures;
  readonly frames: Set<Frame>;
  isOver: boolean;
}

/** A frame that shows widgets. */
interface Frame {
  readonly tell: (order: WidgetOrder) => void;
  /** The numbers of its events that the kernel handles, by the id of their message. */
  readonly events: Map<string, number>;
}

/** Routes messages of widgets to their frames, and the frames' events to the kernel. */
export class Widgets implements MessageHandler {
  readonly #request: Ask;
  #life = newLife();
  /** The place for the output of each event, by message id; the newest last. */
  readonly #asked = new Map<string, CommPlace>();
  /** Messages of this page's own, by which the kernel learns what was captured. */
  readonly #saves = new Set<string>();

  constructor({ request }: { readonly request: Ask }) {
    this.#request = request;
  }

  /** Whether no frame shows widgets. */
  get isEmpty(): boolean {
    return this.#life.frames.size === 0;
  }

  /** The models for the frames of a cell, whose events' output belongs to `place`. */
  source(place: () => CommPlace): WidgetSource {
    let life: Life | null = null;
    return {
      connect: (tell) => {
        life ??= this.#life;
        return this.#connect(life, place, tell);
      },
    };
  }

  /** Takes messages of widgets, and output that they capture or cause; false for all others. */
  handle(message: KernelMessage): boolean {
    switch (message.type) {
      case "comm_open":
        return message.content.target === TARGET ? this.#open(message) : this.#answer(message);
      case "comm_msg":
        return this.#life.models.has(message.content.id) && this.#change(message);
      case "comm_close":
        return this.#close(message.content.id);
      case "status":
        if (message.content.state === "idle") this.#save(message.parentId);
        return false;
      default:
        return this.#capture(message) || this.#answer(message);
    }
  }

  /** Updates displays in widgets; others may have the display as well. */
  update(message: MessageOf<"update_display_data">): void {
    for (const order of this.#life.captures.update(message)) this.#tell(order);
  }

  /** Called when the kernel has ended. The widgets stay on the page. */
  end(): void {
    const life = this.#life;
    this.#life = newLife();
    this.#asked.clear();
    this.#saves.clear();
    life.isOver = true;
    for (const { tell } of life.frames) tell({ kind: "end" });
  }

  #open({ content }: MessageOf<"comm_open">): boolean {
    const { id, data } = content;
    const { models, captures } = this.#life;
    if (id === "" || models.has(id)) return true;
    if (models.size >= MOST) {
      // If the kernel has ended, its comms have, too.
      this.#request("comm_close", { comm_id: id, data: {} }).catch(() => undefined);
      return true;
    }
    models.open(content);
    captures.changed(id, data, true);
    const order = models.order(id);
    if (order !== null) this.#tell(order);
    return true;
  }

  #change({ content, parentId }: MessageOf<"comm_msg">): boolean {
    const { id, data, buffers } = content;
    const { method } = widgetData(data);
    if (method === "") return true; // Not of Jupyter's protocol of widgets.
    if (method === "echo_update" && this.#saves.has(parentId)) return true;
    const { models, captures, frames } = this.#life;
    if (method === "update" || method === "echo_update") {
      models.change(id, data, buffers);
      captures.changed(id, data, false);
    }
    for (const { tell, events } of frames) {
      const answers = events.get(parentId) ?? null;
      tell({ kind: "message", id, data: data as JsonObject, buffers, answers });
    }
    return true;
  }

  #close(id: string): boolean {
    const { models, captures } = this.#life;
    captures.close(id);
    if (!models.close(id)) return false;
    this.#tell({ kind: "close", id });
    return true;
  }

  #capture(message: KernelMessage): boolean {
    const order = this.#life.captures.take(message);
    if (order !== null) this.#tell(order);
    return order !== null;
  }

  /** Shows what an event has caused, in the cell of its widget. */
  #answer(message: KernelMessage): boolean {
    const place = this.#asked.get(message.parentId);
    place?.output.append(message);
    return place !== undefined;
  }

  /** Tells the kernel what widgets have captured of a request, for `Output.outputs`. */
  #save(request: string): void {
    for (const [id, outputs] of this.#life.captures.unsaved(request)) {
      const data = { method: "update", state: { outputs }, buffer_paths: [] };
      if (bytesOf(JSON.stringify(data)) > MOST_SENT) continue;
      let saved = "";
      this.#request("comm_msg", { comm_id: id, data }, (sent) => {
        saved = sent;
        this.#saves.add(sent);
      })
        .catch((error: unknown) => this.#failed(error, "saving output of a widget"))
        .finally(() => this.#saves.delete(saved));
    }
  }

  #connect(
    life: Life,
    place: () => CommPlace,
    tell: (order: WidgetOrder) => void,
  ): WidgetConnection {
    const frame: Frame = { tell, events: new Map() };
    const { models, captures, frames } = life;
    frames.add(frame);
    for (const id of models.ids()) {
      const order = models.order(id, captures.stateOf(id));
      if (order !== null) tell(order);
    }
    tell({ kind: "complete" });
    if (life.isOver) tell({ kind: "end" });
    return {
      send: (event) => {
        if (life === this.#life) void this.#send(frame, place(), event);
      },
      dispose: () => frames.delete(frame),
    };
  }

  async #send(frame: Frame, place: CommPlace, event: WidgetEvent): Promise<void> {
    const { sent, id, data, buffers } = event;
    const { models } = this.#life;
    if (!models.has(id)) return;
    if (lengthOf(event) > MOST_SENT) {
      frame.tell({ kind: "refused", sent, sentence: TOO_LONG });
      return;
    }
    // The kernel repeats a change only if its program lets it. Bytes are not kept here.
    if (widgetData(data).method === "update" && buffers.length === 0) models.change(id, data, []);
    let asked = "";
    const remember = (messageId: string) => {
      asked = messageId;
      frame.events.set(asked, sent);
      this.#asked.set(asked, place);
      const [oldest = asked] = this.#asked.keys();
      if (this.#asked.size > REMEMBERED) this.#asked.delete(oldest);
    };
    try {
      await this.#request("comm_msg", { comm_id: id, data }, remember, buffers);
      guarded("showing output of a widget", () => place.output.flush());
    } catch (error) {
      this.#failed(error, "sending an event of a widget");
    } finally {
      frame.events.delete(asked);
      frame.tell({ kind: "done", sent });
    }
  }

  #failed(error: unknown, context: string): void {
    if (!(error instanceof KernelGone)) report(error, context);
  }

  #tell(order: WidgetOrder): void {
    for (const { tell } of this.#life.frames) tell(order);
  }
}

function newLife(): Life {
  return { models: new Models(), captures: new Captures(), frames: new Set(), isOver: false };
}

/** Bytes of a message's JSON, and of its buffers as base64. */
function lengthOf({ data, buffers }: WidgetEvent): number {
  const bytes = buffers.reduce((sum, { byteLength }) => sum + byteLength, 0);
  return bytesOf(JSON.stringify(data)) + Math.ceil((bytes * 4) / 3);
}

function bytesOf(text: string): number {
  return new TextEncoder().encode(text).byteLength;
}
