/** The requests of interacts, comms and completion that one kernel has not answered yet. */

import { KernelGone } from "../protocol/ask";
import type { JsonObject, KernelMessage } from "../protocol/messages";
import type { MessageHandler } from "../protocol/router";

interface OpenRequest {
  readonly resolve: (reply: JsonObject) => void;
  readonly reject: (error: KernelGone) => void;
  /** Null until there is one; comms' messages have none. */
  reply: JsonObject | null;
  isIdle: boolean;
}

export class Requests implements MessageHandler {
  readonly #open = new Map<string, OpenRequest>();
  readonly #onAnswered: () => void;

  /** `onAnswered` is called when a request has all of its answer, before its promise is fulfilled. */
  constructor(onAnswered: () => void) {
    this.#onAnswered = onAnswered;
  }

  /**
   * The content of the reply to a request, once the kernel is idle again.
   *
   * To be called before the request is sent. Rejects with KernelGone at the kernel's end.
   */
  answer(id: string, type: string): Promise<JsonObject> {
    return new Promise((resolve, reject) => {
      const reply = type.startsWith("comm_") ? {} : null;
      this.#open.set(id, { resolve, reject, reply, isIdle: false });
    });
  }

  handle({ type, parentId, content }: KernelMessage): boolean {
    const request = this.#open.get(parentId);
    if (request === undefined) return false;
    if (type === "reply") request.reply = content;
    else if (type === "status" && content.state === "idle") request.isIdle = true;
    else return false;
    // They come on two sockets of the kernel's, and either may be the first.
    if (request.reply === null || !request.isIdle) return true;
    this.#open.delete(parentId);
    this.#onAnswered();
    request.resolve(request.reply);
    return true;
  }

  /** Whether the kernel has still to answer something. */
  get areOpen(): boolean {
    return this.#open.size > 0;
  }

  /** The kernel is gone: nothing will be answered any more. */
  end(): void {
    const open = [...this.#open.values()];
    this.#open.clear();
    for (const { reject } of open) reject(new KernelGone());
  }
}
