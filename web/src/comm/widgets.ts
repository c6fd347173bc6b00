/**
 * The widgets of one kernel, in all frames that show them.
 *
 * Each frame has models and views of its own. The kernel has the truth: it tells what changes, and
 * repeats what one frame has changed, so that widgets in other frames follow.
 *
 * Source: https://github.com/jupyter-widgets/ipywidgets/blob/main/packages/schema/messages.md
 */

import type { WidgetConnection, WidgetSource } from "../output/frame/link";
import type { Ask } from "../protocol/ask";
import {
  type JsonObject,
  type KernelMessage,
  type MessageOf,
  refusalIn,
} from "../protocol/messages";
import type { MessageHandler } from "../protocol/router";
import { footprintOf } from "../protocol/widgets/footprint";
import { type WidgetEvent, type WidgetOrder, widgetData } from "../protocol/widgets/orders";
import { Captures } from "./captured/captures";
import { commCloser } from "./closing";
import { Events, FrameEvents, MOST_SENT } from "./events";
import { MOST_STATE, Models } from "./models";
import type { CommPlace } from "./registry";
import { Saves } from "./captured/saves";

/** The target of widgets' comms. */
const TARGET = "jupyter.widget";

/** What has twice the size of a message is not one, however it is counted. */
const MOST_SAVED = 2 * MOST_SENT;

const TOO_LARGE =
  "The program's widgets have become larger than a page can hold, and this one was closed.";

/** What one kernel has told, from its start to its end. */
interface Life {
  readonly models: Models;
  readonly captures: Captures;
  readonly events: Events;
  readonly saves: Saves;
  readonly frames: Set<Frame>;
  isOver: boolean;
}

/** A frame that shows widgets. */
interface Frame {
  readonly tell: (order: WidgetOrder) => void;
  readonly events: FrameEvents;
}

/** Routes messages of widgets to their frames, and the frames' events to the kernel. */
export class Widgets implements MessageHandler {
  readonly #request: Ask;
  readonly #closeComm: (id: string) => void;
  #life: Life;
  #areShown = true;

  constructor({ request }: { readonly request: Ask }) {
    this.#request = request;
    this.#closeComm = commCloser(request);
    this.#life = newLife(request);
  }

  /** Whether no frame shows widgets. */
  get isEmpty(): boolean {
    return this.#life.frames.size === 0;
  }

  /** A cell's program begins to run, and shows widgets or not: without them it sees what they capture. */
  begin(areShown: boolean): void {
    this.#areShown = areShown;
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
        if (refusalIn(message) !== null) return false; // for who has asked
        return this.#capture(message) || this.#answer(message);
    }
  }

  /** Updates displays in widgets; others may have the display as well. */
  update(message: MessageOf<"update_display_data">): void {
    const order = this.#life.captures.update(message);
    if (order !== null) this.#tell(order);
  }

  /** Called when the kernel has ended. The widgets stay on the page. */
  end(): void {
    const life = this.#life;
    this.#life = newLife(this.#request);
    life.isOver = true;
    life.saves.end();
    for (const { tell } of life.frames) tell({ kind: "end" });
  }

  #open({ content }: MessageOf<"comm_open">): boolean {
    const { id, data } = content;
    const { models, captures } = this.#life;
    if (id === "" || models.has(id)) return true;
    if (footprintOf(data, MOST_STATE) === Infinity || !models.open(content)) {
      this.#closeComm(id);
      return true;
    }
    captures.changed(id, data, true);
    const order = models.order(id);
    if (order !== null) this.#tell(order);
    return true;
  }

  #change({ content, parentId }: MessageOf<"comm_msg">): boolean {
    const { id, data, buffers } = content;
    const { method } = widgetData(data);
    if (method === "") return true; // Not of Jupyter's protocol of widgets.
    const { models, captures, saves, frames } = this.#life;
    if (method === "echo_update" && saves.has(parentId)) return true;
    const isUpdate = method === "update" || method === "echo_update";
    if (
      footprintOf(data, MOST_STATE) === Infinity ||
      (isUpdate && !models.change(id, data, buffers))
    ) {
      this.#expel(id);
      return true;
    }
    if (isUpdate) captures.changed(id, data, false);
    for (const { tell, events } of frames) {
      const answers = events.numberOf(parentId);
      tell({ kind: "message", id, data: data as JsonObject, buffers, answers });
    }
    return true;
  }

  #close(id: string, sentence = ""): boolean {
    const { models, captures } = this.#life;
    captures.close(id);
    if (!models.close(id)) return false;
    this.#tell({ kind: "close", id, sentence });
    return true;
  }

  /** Closes a model that is larger than the page can hold. */
  #expel(id: string): void {
    this.#close(id, TOO_LARGE);
    this.#closeComm(id);
  }

  #capture(message: KernelMessage): boolean {
    const { captures, events } = this.#life;
    // What a frame has caused is captured, whichever cell has run last.
    const isSeen = this.#areShown || events.placeOf(message.parentId) !== undefined;
    const orders = isSeen ? captures.take(message) : null;
    for (const order of orders ?? []) this.#tell(order);
    return orders !== null;
  }

  /** Shows what an event has caused, in the cell of its widget. */
  #answer(message: KernelMessage): boolean {
    const place = this.#life.events.placeOf(message.parentId);
    place?.output.append(message);
    return place !== undefined;
  }

  /** Tells the kernel what widgets have captured of a request, for `Output.outputs`. */
  #save(request: string): void {
    const { captures, saves } = this.#life;
    for (const id of captures.unsaved(request)) saves.add(id);
  }

  #connect(
    life: Life,
    place: () => CommPlace,
    connected: (order: WidgetOrder) => void,
  ): WidgetConnection {
    const { models, captures, frames } = life;
    // The frame may be made again, and its events have other numbers then.
    const tell = (order: WidgetOrder) => {
      if (frames.has(frame)) connected(order);
    };
    const frame: Frame = { tell, events: new FrameEvents(life.events, tell) };
    frames.add(frame);
    for (const id of models.ids()) {
      const order = models.order(id, captures.stateOf(id));
      if (order !== null) tell(order);
    }
    tell({ kind: "complete" });
    if (life.isOver) tell({ kind: "end" });
    return {
      send: (event) => {
        if (life === this.#life) this.#send(frame, place(), event);
      },
      dispose: () => frames.delete(frame),
    };
  }

  #send({ tell, events }: Frame, place: CommPlace, event: WidgetEvent): void {
    const { sent, id, data, buffers } = event;
    const { models } = this.#life;
    if (!models.has(id)) {
      tell({ kind: "done", sent });
      return;
    }
    if (!events.send(event, place)) return;
    // The kernel repeats a change only if its program lets it. Bytes are not kept here.
    const isChange = widgetData(data).method === "update" && buffers.length === 0;
    if (isChange && !models.change(id, data, [])) this.#expel(id);
  }

  #tell(order: WidgetOrder): void {
    for (const { tell } of this.#life.frames) tell(order);
  }
}

function newLife(request: Ask): Life {
  const captures = new Captures();
  return {
    models: new Models(),
    captures,
    events: new Events(request),
    saves: new Saves({ request, outputs: (id) => captures.kept(id, MOST_SAVED) }),
    frames: new Set(),
    isOver: false,
  };
}
