/** `Output` widgets: they show what their program publishes while it captures. */

import * as base from "@jupyter-widgets/output";

import { Output } from "../output/output";
import type { Showing } from "../output/policy";
import type { Json, JsonObject, KernelMessage, MessageOf } from "../protocol/messages";
import { heardClear, messageOf } from "../protocol/widgets/outputs";

// Backbone calls `initialize` and `render` before the fields of a class exist, and its private methods:
// fields are only declared.

/** The model: the messages that its views show. */
export class OutputModel extends base.OutputModel {
  declare messages: KernelMessage[];
  /** Whether the next message takes the place of all others. */
  declare isToBeCleared: boolean;

  override defaults(): Record<string, unknown> {
    return { ...super.defaults(), msg_id: "", outputs: [] };
  }

  override initialize(attributes: never, options: never): void {
    super.initialize(attributes, options);
    begin(this, this.get("outputs") as Json);
  }

  override set_state(state: Record<string, unknown>): void {
    super.set_state(state);
    // Also if the program sets what it has set before: more may have been captured since.
    if (!("outputs" in state)) return;
    begin(this, state["outputs"] as Json);
    this.trigger("replaced");
  }

  /** Shows captured output. */
  capture(output: JsonObject): void {
    const message = messageOf(output);
    if (message === null) return;
    if (message.type === "update_display_data") this.#update(message);
    else {
      if (this.isToBeCleared) begin(this, []);
      this.#add(message);
    }
    this.trigger("captured", message);
  }

  /** Removes all output: now, or when more is captured. */
  clearOutput(wait: boolean): void {
    if (wait) this.isToBeCleared = true;
    else begin(this, []);
    this.trigger("captured", heardClear(wait));
  }

  /** Keeps a message. Text in many pieces is one. */
  #add(message: KernelMessage): void {
    const last = this.messages.at(-1);
    const isMore =
      message.type === "stream" &&
      last?.type === "stream" &&
      message.content.name === last.content.name;
    if (!isMore) this.messages.push(message);
    else {
      const text = last.content.text + message.content.text;
      this.messages.splice(-1, 1, { ...message, content: { ...message.content, text } });
    }
  }

  #update({ content: { data, metadata, displayId } }: MessageOf<"update_display_data">): void {
    this.messages = this.messages.map((message) =>
      (message.type === "display_data" || message.type === "execute_result") &&
      message.content.displayId === displayId
        ? { ...message, content: { data, metadata, displayId } }
        : message,
    );
  }
}

/** A view, with an output of its own like that of a cell. */
export class OutputView extends base.OutputView {
  declare output: Output;

  override render(): void {
    super.render();
    const { widget_manager: manager } = this.model as unknown as { widget_manager: HasShowing };
    this.output = new Output({
      nextFrame: (act) => requestAnimationFrame(act),
      now: () => performance.now(),
    });
    this.el.classList.add("jupyter-widgets", "widget-output");
    this.el.append(this.output.element);
    const model = this.model as unknown as OutputModel;
    const settle = oneAtATime(() => this.output.settle());
    const draw = () => {
      this.output.begin(manager.showing());
      for (const message of model.messages) this.output.append(message);
      if (model.isToBeCleared) this.output.clearBeforeNext();
      settle();
    };
    draw();
    this.listenTo(model, "replaced", draw);
    this.listenTo(model, "captured", (message: KernelMessage) => {
      this.output.append(message);
      settle();
    });
  }

  override remove(): void {
    this.output.dispose();
    super.remove();
  }
}

/** The part of the manager that an `Output` widget uses. */
export interface HasShowing {
  showing(): Showing;
}

/** Begins anew with what the program has set. */
function begin(model: OutputModel, outputs: Json): void {
  model.messages = messagesIn(outputs);
  model.isToBeCleared = false;
}

/** Calls `act`, which never rejects; calls meanwhile are one more: a program may capture thousands of messages. */
function oneAtATime(act: () => Promise<void>): () => void {
  let state: "idle" | "acting" | "again" = "idle";
  const begin = () => {
    state = "acting";
    void act().then(() => {
      const isDue = state === "again";
      state = "idle";
      if (isDue) begin();
    });
  };
  return () => {
    if (state === "idle") begin();
    else state = "again";
  };
}

function messagesIn(outputs: Json): KernelMessage[] {
  const list = Array.isArray(outputs) ? outputs : [];
  return list.map(messageOf).filter((message) => message !== null);
}
