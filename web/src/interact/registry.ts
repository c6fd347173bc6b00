/** The interacts and controls of one kernel: what it says to each, and where that appears. */

import type { Ask } from "../protocol/ask";
import {
  type JsonObject,
  type KernelMessage,
  type MimeBundle,
  objectAt,
  textAt,
} from "../protocol/messages";
import type { MessageHandler } from "../protocol/router";
import type { Interacts as Module } from "./api";
import { InteractBlock, type Place } from "./placement";

const INTERACT = "application/sage-interact";
const CONTROL = "application/sage-interact-control";
const VARIABLE = "application/sage-interact-variable";

/** Messages that name their interact inside. */
const TOLD = /^application\/sage-interact-(?:update|new-control|del-control|bookmark)$/;

export interface InteractsOptions {
  readonly request: Ask;
  /** The controls' module; a seam for tests. */
  readonly load?: () => Promise<Module>;
}

export class Interacts implements MessageHandler {
  readonly #request: Ask;
  readonly #load: () => Promise<Module>;
  readonly #blocks = new Map<string, InteractBlock>();

  constructor({ request, load = () => import("./index") }: InteractsOptions) {
    this.#request = request;
    this.#load = load;
  }

  /** Makes room for an interact that a message shows; nothing where it shows none. */
  announce({ content }: KernelMessage, place: Place, outer: InteractBlock | null = null): void {
    const data = objectAt(content, "data");
    const id = idIn(data);
    if (id === "" || this.#blocks.has(id)) return;
    const block = new InteractBlock({
      id,
      type: INTERACT in data ? "interact" : "control",
      content: objectAt(data, INTERACT in data ? INTERACT : CONTROL),
      place,
      request: this.#request,
      load: this.#load,
      announce: (message) => this.announce(message, place, block),
      forget: () => this.#blocks.delete(id),
    });
    this.#blocks.set(id, block);
    outer?.inner.push(block);
  }

  /** The element of an interact that was announced; null when the bundle is none. */
  element(data: MimeBundle): HTMLElement | null {
    return this.#blocks.get(idIn(data))?.element ?? null;
  }

  /** Whether the message is an interact's; one for an unknown interact is nobody's else. */
  handle(message: KernelMessage): boolean {
    const data = objectAt(message.content, "data");
    for (const [type, value] of Object.entries(data)) {
      const told = objectAt(data, type);
      if (type === VARIABLE) {
        for (const block of this.#blocks.values()) block.told(type, told);
        return true;
      }
      if (TOLD.test(type) && value !== null) {
        this.#blocks.get(textAt(told, "interact_id"))?.told(type, told);
        return true;
      }
    }
    const id = textAt(message.metadata ?? {}, "interact_id");
    if (id === "") return false;
    this.#blocks.get(id)?.take(message);
    return true;
  }

  /** The kernel is idle: what was to be cleared, and not said anew, goes. */
  flush(): void {
    for (const block of this.#blocks.values()) block.flush();
  }

  /** The kernel is gone. */
  end(): void {
    for (const block of this.#blocks.values()) block.end();
  }

  /** The cell shows something else now. */
  remove(): void {
    for (const block of [...this.#blocks.values()]) block.remove();
  }

  /** The cell at `place` shows something else now. */
  removeFrom(place: Place): void {
    for (const block of [...this.#blocks.values()]) if (block.isAt(place)) block.remove();
  }

  /** What a link keeps of those at `place`, in the order in which they were shown. */
  kept(place: Place): JsonObject[] {
    return [...this.#blocks.values()]
      .filter((block) => block.isAt(place))
      .map((block) => block.kept());
  }
}

function idIn(data: MimeBundle): string {
  return (
    textAt(objectAt(data, INTERACT), "new_interact_id") ||
    textAt(objectAt(data, CONTROL), "control_id")
  );
}
