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
} from "../../protocol/messages";
import { type Captured, capturedIn } from "../../protocol/widgets/captured";
import type { WidgetOrder } from "../../protocol/widgets/orders";
import { keptOutputs, outputOf } from "../../protocol/widgets/outputs";
import { WidgetOutputs } from "./outputs";

interface Capture {
  /** The request whose output is captured; empty for none. */
  request: string;
  isToBeCleared: boolean;
  /** The request whose output the kernel does not know yet; empty for none. */
  unsaved: string;
}

/** The captured output of one kernel's `Output` widgets. */
export class Captures {
  /** By the id of the model. */
  readonly #captures = new Map<string, Capture>();
  readonly #outputs = new WidgetOutputs();
  /** The models that capture a request's output; the last that began is the last. */
  readonly #capturing = new Map<string, string[]>();
  /** The models that have output of a request of which the kernel does not know. */
  readonly #unsaved = new Map<string, Set<string>>();

  /** A model was opened or changed by the kernel; models of other widgets are ignored. */
  changed(id: string, data: Json, isNew: boolean): void {
    const change = capturedIn(data, isNew);
    if (change === null) return;
    const before = this.#captures.get(id);
    if (before === undefined && !isNew) return;
    const capture = before ?? { request: "", isToBeCleared: false, unsaved: "" };
    if (before === undefined) {
      this.#captures.set(id, capture);
      this.#outputs.open(id);
    }
    this.#apply(id, capture, change);
  }

  close(id: string): void {
    const capture = this.#captures.get(id);
    if (capture === undefined) return;
    this.#capture(id, capture, "");
    this.#leaveUnsaved(id, capture, "");
    this.#outputs.close(id);
    this.#captures.delete(id);
  }

  /** The attributes of a model that differ from what the kernel last said. */
  stateOf(id: string): JsonObject {
    const outputs = this.#outputs.of(id);
    return outputs === null ? {} : { outputs };
  }

  /** The orders for frames that a captured message leads to; null for one that is not captured. */
  take(message: KernelMessage): WidgetOrder[] | null {
    const { parentId, type, content } = message;
    if (parentId === "" || !isOutput(message) || type === "input_request") return null;
    const id = this.#capturing.get(parentId)?.at(-1);
    const capture = id === undefined ? undefined : this.#captures.get(id);
    if (id === undefined || capture === undefined) return null;
    this.#leaveUnsaved(id, capture, parentId);
    if (type === "clear_output") {
      if (content.wait) capture.isToBeCleared = true;
      else this.#clear(id, capture);
      return [{ kind: "clear", id, wait: content.wait }];
    }
    const output = outputOf(message);
    if (output === null) return null;
    if (capture.isToBeCleared) this.#clear(id, capture);
    const shown = this.#outputs.add(id, output);
    return shown === null ? [] : [{ kind: "output", ids: [id], output: shown }];
  }

  /** The order that updates displays in widgets; null if there are none. */
  update(message: MessageOf<"update_display_data">): WidgetOrder | null {
    const output = outputOf(message);
    const updated = output === null ? null : this.#outputs.update(output);
    if (updated === null) return null;
    for (const id of updated.ids) {
      const capture = this.#captures.get(id);
      if (capture !== undefined) this.#leaveUnsaved(id, capture, message.parentId);
    }
    return { kind: "output", ...updated };
  }

  /** The widgets that have captured output of a request that is over, each once. */
  unsaved(request: string): string[] {
    const ids = [...(this.#unsaved.get(request) ?? [])];
    for (const id of ids) {
      const capture = this.#captures.get(id);
      if (capture !== undefined) this.#leaveUnsaved(id, capture, "");
    }
    return ids;
  }

  /** The output of a widget as the kernel keeps it; null if it is gone, or larger than `most`. */
  kept(id: string, most: number): JsonObject[] | null {
    const outputs = this.#outputs.of(id);
    return outputs === null || this.#outputs.size(id) > most ? null : keptOutputs(outputs);
  }

  #apply(id: string, capture: Capture, { request, outputs }: Captured): void {
    if (request !== null && request !== capture.request) this.#capture(id, capture, request);
    if (outputs === null) return;
    this.#clear(id, capture);
    for (const output of outputs) this.#outputs.add(id, output);
  }

  #capture(id: string, capture: Capture, request: string): void {
    const before = this.#capturing.get(capture.request) ?? [];
    // Those that began last mostly end first.
    const at = before.lastIndexOf(id);
    if (at >= 0) before.splice(at, 1);
    if (before.length === 0) this.#capturing.delete(capture.request);
    capture.request = request;
    if (request === "") return;
    const capturing = this.#capturing.get(request);
    if (capturing === undefined) this.#capturing.set(request, [id]);
    else capturing.push(id);
  }

  /** The kernel does not know the output of `request`; empty for none, also for output of no request. */
  #leaveUnsaved(id: string, capture: Capture, request: string): void {
    if (request === capture.unsaved) return;
    const before = this.#unsaved.get(capture.unsaved);
    before?.delete(id);
    if (before?.size === 0) this.#unsaved.delete(capture.unsaved);
    capture.unsaved = request;
    if (request === "") return;
    const unsaved = this.#unsaved.get(request);
    if (unsaved === undefined) this.#unsaved.set(request, new Set([id]));
    else unsaved.add(id);
  }

  #clear(id: string, capture: Capture): void {
    this.#outputs.clear(id);
    capture.isToBeCleared = false;
  }
}
