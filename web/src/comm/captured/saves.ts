/** Tells the kernel what its `Output` widgets have captured, for `Output.outputs`. */

import { report } from "../../dom/errors";
import { type Ask, KernelGone } from "../../protocol/ask";
import type { JsonObject } from "../../protocol/messages";
import { byteLength } from "../../protocol/widgets/buffers";
import { Allowance } from "../allowance";
import { MOST_SENT } from "../events";

/** What the kernel may have still to handle; further widgets wait. */
const MOST = { count: 50, bytes: 4_000_000 };

/** What saves need. */
export interface SavesOptions {
  readonly request: Ask;
  /** The output of a model as the kernel keeps it; null if it is gone, or far too long for a message. */
  readonly outputs: (id: string) => JsonObject[] | null;
}

/** Saves the output of each model as it is when its turn comes. */
export class Saves {
  readonly #options: SavesOptions;
  readonly #allowance = new Allowance(MOST);
  /** Models whose output is to be saved. */
  readonly #due = new Set<string>();
  /** Models whose output the kernel has still to handle: whether it is to be saved once more. */
  readonly #sent = new Map<string, { isDue: boolean }>();
  /** The ids of the messages with it. */
  readonly #messages = new Set<string>();
  #isOver = false;

  constructor(options: SavesOptions) {
    this.#options = options;
  }

  /** Whether a message from the kernel with this parent only repeats what was saved. */
  has(parentId: string): boolean {
    return this.#messages.has(parentId);
  }

  /** Saves the output of a model: now, or when the kernel has handled enough of what was sent before. */
  add(id: string): void {
    const sent = this.#sent.get(id);
    if (sent === undefined) this.#due.add(id);
    else sent.isDue = true;
    this.#next();
  }

  /** The kernel has ended: nothing more is sent. */
  end(): void {
    this.#isOver = true;
    this.#due.clear();
  }

  #next(): void {
    if (this.#isOver) return;
    for (const id of this.#due) {
      const outputs = this.#options.outputs(id);
      const data = { method: "update", state: { outputs }, buffer_paths: [] };
      const bytes = outputs === null ? Infinity : byteLength({ data, buffers: [] });
      if (bytes <= MOST_SENT && !this.#allowance.take(bytes)) return;
      this.#due.delete(id);
      if (bytes <= MOST_SENT) void this.#send(id, data, bytes);
    }
  }

  async #send(id: string, data: JsonObject, bytes: number): Promise<void> {
    const sent = { isDue: false };
    this.#sent.set(id, sent);
    let message = "";
    const remember = (messageId: string) => this.#messages.add((message = messageId));
    try {
      await this.#options.request("comm_msg", { comm_id: id, data }, remember);
    } catch (error) {
      if (!(error instanceof KernelGone)) report(error, "saving output of a widget");
    }
    this.#messages.delete(message);
    this.#allowance.give(bytes);
    this.#sent.delete(id);
    if (sent.isDue) this.#due.add(id);
    this.#next();
  }
}
