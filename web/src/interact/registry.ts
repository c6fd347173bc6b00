/** The interacts and single controls of one kernel, and the routing of messages to them. */

import { type Ask, KernelGone } from "../protocol/ask";
import { bundleIn } from "../protocol/bundles";
import { eventIn, shownId, shownIn } from "../protocol/interacts/displays";
import {
  type JsonObject,
  type KernelMessage,
  type MimeBundle,
  isOutput,
} from "../protocol/messages";
import type { MessageHandler } from "../protocol/router";
import type { Interacts as Module } from "./api";
import { InteractBlock, type Place } from "./placement";

/** What the registry needs. */
export interface InteractsOptions {
  readonly request: Ask;
  /** Restarts the kernel of resting interacts; see `BlockOptions`. */
  readonly wake?: () => Promise<void>;
  /** Loads the module with the controls; by default `./index`. Tests replace it. */
  readonly load?: () => Promise<Module>;
}

/** Interacts and single controls of a kernel at most; the text of further ones is shown. */
const MOST = 1000;

/** The interacts and single controls of one kernel, by id. */
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

  /**
   * Creates the block for an interact that a display announces; ignores other messages.
   *
   * `outer` is the interact in whose output the display is.
   */
  announce(message: KernelMessage, place: Place, outer: InteractBlock | null = null): void {
    const data = bundleIn(message);
    const shown = data === null ? null : shownIn(data);
    if (shown === null || this.#blocks.has(shown.id) || this.#blocks.size >= MOST) return;
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

  /** The element of the announced interact that a display shows; null for other displays. */
  element(data: MimeBundle): HTMLElement | null {
    return this.#blocks.get(shownId(data))?.element ?? null;
  }

  /** Takes events for controls and output of interacts, unknown ones included; false for others. */
  handle(message: KernelMessage): boolean {
    const data = bundleIn(message);
    const event = data === null ? null : eventIn(data);
    if (event !== null) {
      if (event.kind !== "variable") this.#blocks.get(event.id)?.tell(event);
      else for (const block of this.#blocks.values()) block.tell(event);
      return true;
    }
    const id = message.interactId;
    if (id !== "") {
      this.#blocks.get(id)?.append(message);
      return true;
    }
    // What a thread of its function writes after the update does not name the interact.
    if (!isOutput(message)) return false;
    const block = [...this.#blocks.values()].find((one) => one.hasAsked(message));
    block?.append(message);
    return block !== undefined;
  }

  /** Takes an update of a display, which may stand in any interact. */
  update(message: KernelMessage): void {
    for (const block of this.#blocks.values()) block.update(message);
  }

  /** The kernel is idle: pending `clear_output`s take effect. */
  flush(): void {
    for (const block of this.#blocks.values()) block.flush();
  }

  /** Whether there are interacts, and the values of their controls are enough to restore them all. */
  get canRest(): boolean {
    const blocks = [...this.#blocks.values()];
    return blocks.length > 0 && blocks.every((block) => block.canRest);
  }

  /** The kernel is being ended, and its controls stay as they are until `rest`, `resume` or `remove`. */
  retire(): void {
    for (const block of this.#blocks.values()) block.retire();
  }

  /** The kernel has ended, and restarts when a control is used. */
  rest(): void {
    for (const block of this.#blocks.values()) block.rest();
  }

  /** Takes a message of the restarted program: the next resting interact takes over its display. */
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

  /** The restarted program has finished: interacts that it has not displayed again end. */
  resume(): void {
    for (const block of this.#blocks.values()) block.resume();
  }

  /** The kernel has ended: all controls are disabled, and stay on the page. */
  end(): void {
    for (const block of this.#blocks.values()) block.end();
  }

  /** Removes all interacts from the page. */
  remove(): void {
    for (const block of [...this.#blocks.values()]) block.dispose();
  }

  /** Removes the interacts of the cell at `place`. */
  removeFrom(place: Place): void {
    for (const block of [...this.#blocks.values()]) if (block.isAt(place)) block.dispose();
  }

  /** The state of the interacts at `place`, as permalinks store it, in order of appearance. */
  kept(place: Place): JsonObject[] {
    return [...this.#blocks.values()]
      .filter((block) => block.isAt(place))
      .map((block) => block.kept());
  }
}
