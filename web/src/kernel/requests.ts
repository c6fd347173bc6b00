/** The pending requests of interacts, comms and completion on one kernel. */

import { KernelGone, Refused } from "../protocol/ask";
import { type JsonObject, type KernelMessage, refusalIn } from "../protocol/messages";
import type { MessageHandler } from "../protocol/router";

interface OpenRequest {
  readonly resolve: (reply: JsonObject) => void;
  readonly reject: (error: KernelGone | Refused) => void;
  /** Null until it arrives. Messages of comms have no reply, and begin with an empty one. */
  reply: JsonObject | null;
  isIdle: boolean;
}

/** Matches replies and idle statuses with pending requests, by the request's id. */
export class Requests implements MessageHandler {
  readonly #open = new Map<string, OpenRequest>();
  readonly #onAnswered: () => void;

  /** `onAnswered` is called when a request is over, before its promise is settled. */
  constructor(onAnswered: () => void) {
    this.#onAnswered = onAnswered;
  }

  /**
   * Registers a request that is about to be sent.
   *
   * Fulfilled with the reply's content when the kernel is idle again. Rejects with KernelGone when
   * the kernel ends, and with Refused when the server does not pass it on.
   */
  answer(id: string, type: string): Promise<JsonObject> {
    return new Promise((resolve, reject) => {
      const reply = type.startsWith("comm_") ? {} : null;
      this.#open.set(id, { resolve, reject, reply, isIdle: false });
    });
  }

  /**
   * Takes replies to pending requests and their idle statuses; false for all other messages.
   *
   * Refusals are false as well: who asked may show them.
   */
  handle(message: KernelMessage): boolean {
    const { type, parentId, content } = message;
    const request = this.#open.get(parentId);
    if (request === undefined) return false;
    const refusal = refusalIn(message);
    // One that the server has had before is still being answered.
    if (refusal?.reason === "duplicate_msg_id") return true;
    if (refusal !== null) {
      this.#close(parentId);
      request.reject(new Refused(refusal.message));
      return false;
    }
    if (type === "reply") request.reply = content;
    else if (type === "status" && content.state === "idle") request.isIdle = true;
    else return false;
    // They arrive from two sockets of the kernel, in either order.
    if (request.reply === null || !request.isIdle) return true;
    this.#close(parentId);
    request.resolve(request.reply);
    return true;
  }

  /** Whether the kernel has still to answer something. */
  get areOpen(): boolean {
    return this.#open.size > 0;
  }

  #close(id: string): void {
    this.#open.delete(id);
    this.#onAnswered();
  }

  /** Rejects all pending requests with KernelGone. */
  end(): void {
    const open = [...this.#open.values()];
    this.#open.clear();
    for (const { reject } of open) reject(new KernelGone());
  }
}
