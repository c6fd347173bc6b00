/** The interacts and controls of one kernel: what it says to each, and where that appears. */

import { type Ask, KernelGone } from "../protocol/ask";
import { bundleIn } from "../protocol/bundles";
import { eventIn, shownId, shownIn } from "../protocol/interacts/displays";
import type { JsonObject, KernelMessage, MimeBundle } from "../protocol/messages";
import type { MessageHandler } from "../protocol/router";
import type { Interacts as Module } from "./api";
import { InteractBlock, type Place } from "./placement";

export interface InteractsOptions {
  readonly request: Ask;
  /** Starts the kernel again that was given up; see `InteractBlock`. */
  readonly wake?: () => Promise<void>;
  /** The controls' module; a seam for tests. */
  readonly load?: () => Promise<Module>;
}

export class Interacts implements MessageHandler {
  readonly #request: Ask;
  readonly #wake: () => Promise<void>;
  readonly #load: () => Promise<Module>;
  readonly #blocks = new Map<string, InteractBlock>();

  constructor({
    request,
    wake = () => Promise.reject(new KernelGone()),
    load = () => import("./index"),
  }: InteractsOptions) {
    this.#request = request;
    this.#wake = wake;
    this.#load = load;
  }

  /** Makes room for an interact that a message shows; nothing where it shows none. */
  announce(message: KernelMessage, place: Place, outer: InteractBlock | null = null): void {
    const data = bundleIn(message);
    const shown = data === null ? null : shownIn(data);
    if (shown === null || this.#blocks.has(shown.id)) return;
    const block: InteractBlock = new InteractBlock({
      shown,
      place,
      request: this.#request,
      wake: this.#wake,
      load: this.#load,
      announce: (inner) => this.announce(inner, place, block),
      forget: () => this.#blocks.delete(block.id),
    });
    this.#blocks.set(shown.id, block);
    outer?.inner.push(block);
  }

  /** The element of an interact that was announced; null when the bundle is none. */
  element(data: MimeBundle): HTMLElement | null {
    return this.#blocks.get(shownId(data))?.element ?? null;
  }

  /** Whether the message is an interact's; one for an unknown interact is nobody's else. */
  handle(message: KernelMessage): boolean {
    const data = bundleIn(message);
    const event = data === null ? null : eventIn(data);
    if (event !== null) {
      if (event.kind !== "variable") this.#blocks.get(event.id)?.tell(event);
      else for (const block of this.#blocks.values()) block.tell(event);
      return true;
    }
    const id = message.interactId;
    if (id === "") return false;
    this.#blocks.get(id)?.append(message);
    return true;
  }

  /** The kernel is idle: what was to be cleared, and not said anew, goes. */
  flush(): void {
    for (const block of this.#blocks.values()) block.flush();
  }

  /** Whether there are some, and each can start again from the state of its controls. */
  get canRest(): boolean {
    const blocks = [...this.#blocks.values()];
    return blocks.length > 0 && blocks.every((block) => block.canRest);
  }

  /** The kernel was given up, and starts again when somebody uses a control. */
  rest(): void {
    for (const block of this.#blocks.values()) block.rest();
  }

  /** Takes what the program shows that runs anew: interacts that rest go on as these, in their order. */
  renew(message: KernelMessage): void {
    const data = bundleIn(message);
    const shown = data === null ? null : shownIn(data);
    if (shown === null || this.#blocks.has(shown.id)) return;
    for (const [id, block] of this.#blocks) {
      if (!block.renew(shown)) continue;
      this.#blocks.delete(id);
      this.#blocks.set(shown.id, block);
      return;
    }
  }

  /** The program has run anew: those that it has shown again go on, the others end. */
  resume(): void {
    for (const block of this.#blocks.values()) block.resume();
  }

  /** The kernel is gone. */
  end(): void {
    for (const block of this.#blocks.values()) block.end();
  }

  /** The cell shows something else now. */
  remove(): void {
    for (const block of [...this.#blocks.values()]) block.dispose();
  }

  /** The cell at `place` shows something else now. */
  removeFrom(place: Place): void {
    for (const block of [...this.#blocks.values()]) if (block.isAt(place)) block.dispose();
  }

  /** What a link keeps of those at `place`, in the order in which they were shown. */
  kept(place: Place): JsonObject[] {
    return [...this.#blocks.values()]
      .filter((block) => block.isAt(place))
      .map((block) => block.kept());
  }
}
