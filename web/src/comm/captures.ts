/**
 * Output that goes into widgets: while an `Output` widget has `msg_id` set, what that request
 * publishes is the widget's.
 */

import {
  type Json,
  type JsonObject,
  type KernelMessage,
  type MessageOf,
  isOutput,
} from "../protocol/messages";
import { type Captured, capturedIn } from "../protocol/widgets/captured";
import type { WidgetOrder } from "../protocol/widgets/orders";
import { addOutput, keptOutputs, outputOf, updateOutputs } from "../protocol/widgets/outputs";

interface Capture {
  /** The request whose output is captured; empty for none. */
  request: string;
  outputs: JsonObject[];
  isToBeCleared: boolean;
  /** The request whose output the kernel does not know yet; empty for none. */
  unsaved: string;
}

/** The captured output of one kernel's `Output` widgets. */
export class Captures {
  /** By the id of the model; the last that began to capture is the last. */
  readonly #captures = new Map<string, Capture>();

  /** A model was opened or changed by the kernel; models of other widgets are ignored. */
  changed(id: string, data: Json, isNew: boolean): void {
    const change = capturedIn(data, isNew);
    if (change === null) return;
    const before = this.#captures.get(id);
    if (before === undefined && !isNew) return;
    const capture = before ?? { request: "", outputs: [], isToBeCleared: false, unsaved: "" };
    this.#captures.set(id, capture);
    this.#apply(id, capture, change);
  }

  close(id: string): void {
    this.#captures.delete(id);
  }

  /** The attributes of a model that differ from what the kernel last said. */
  stateOf(id: string): JsonObject {
    const capture = this.#captures.get(id);
    return capture === undefined ? {} : { outputs: capture.outputs };
  }

  /** The order for frames that a captured message leads to; null for one that is not captured. */
  take(message: KernelMessage): WidgetOrder | null {
    const { parentId, type, content } = message;
    if (parentId === "" || !isOutput(message) || type === "input_request") return null;
    const [id, capture] = this.#capturing(parentId) ?? [];
    if (id === undefined || capture === undefined) return null;
    capture.unsaved = parentId;
    if (type === "clear_output") {
      if (content.wait) capture.isToBeCleared = true;
      else this.#clear(capture);
      return { kind: "clear", id, wait: content.wait };
    }
    const output = outputOf(message);
    if (output === null) return null;
    if (capture.isToBeCleared) this.#clear(capture);
    addOutput(capture.outputs, output);
    return { kind: "output", id, output };
  }

  /** The orders that update displays in widgets. */
  update(message: MessageOf<"update_display_data">): WidgetOrder[] {
    const output = outputOf(message);
    if (output === null) return [];
    const orders: WidgetOrder[] = [];
    for (const [id, capture] of this.#captures) {
      if (!updateOutputs(capture.outputs, output)) continue;
      capture.unsaved = message.parentId;
      orders.push({ kind: "output", id, output });
    }
    return orders;
  }

  /** The output of each widget that has captured some of a request that is over, once. */
  unsaved(request: string): [id: string, outputs: JsonObject[]][] {
    if (request === "") return []; // a status of no request
    const unsaved = [...this.#captures].filter(([, each]) => each.unsaved === request);
    for (const [, capture] of unsaved) capture.unsaved = "";
    return unsaved.map(([id, { outputs }]) => [id, keptOutputs(outputs)]);
  }

  #apply(id: string, capture: Capture, { request, outputs }: Captured): void {
    if (request !== null && request !== capture.request) {
      capture.request = request;
      this.#captures.delete(id);
      this.#captures.set(id, capture);
    }
    if (outputs !== null) {
      this.#clear(capture);
      for (const output of outputs) addOutput(capture.outputs, output);
    }
  }

  #capturing(request: string): [string, Capture] | undefined {
    return [...this.#captures].findLast(([, each]) => each.request === request);
  }

  #clear(capture: Capture): void {
    capture.outputs = [];
    capture.isToBeCleared = false;
  }
}
