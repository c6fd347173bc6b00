/** `Output` widgets: they show what their program publishes while it captures. */

import * as base from "@jupyter-widgets/output";

import { Output } from "../output/output";
import type { Showing } from "../output/policy";
import type { Json, JsonObject, KernelMessage } from "../protocol/messages";
import { heardClear, messageOf } from "../protocol/widgets/outputs";

// Backbone calls `initialize` and `render` before the fields of a class exist: they are only declared.

/** The model: the messages that its views show. */
export class OutputModel extends base.OutputModel {
  declare messages: KernelMessage[];

  override defaults(): Record<string, unknown> {
    return { ...super.defaults(), msg_id: "", outputs: [] };
  }

  override initialize(attributes: never, options: never): void {
    super.initialize(attributes, options);
    this.messages = messagesIn(this.get("outputs") as Json);
  }

  override set_state(state: Record<string, unknown>): void {
    super.set_state(state);
    // Also if the program sets what it has set before: more may have been captured since.
    if (!("outputs" in state)) return;
    this.messages = messagesIn(state["outputs"] as Json);
    this.trigger("replaced");
  }

  /** Shows captured output. */
  capture(output: JsonObject): void {
    this.#heard(messageOf(output));
  }

  /** Removes all output: now, or when more is captured. */
  clearOutput(wait: boolean): void {
    if (!wait) this.messages = [];
    this.#heard(heardClear(wait));
  }

  #heard(message: KernelMessage | null): void {
    if (message === null) return;
    this.messages.push(message);
    this.trigger("captured", message);
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
    const begin = () => {
      this.output.begin(manager.showing());
      for (const message of model.messages) this.output.append(message);
      settle();
    };
    begin();
    this.listenTo(model, "replaced", begin);
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
