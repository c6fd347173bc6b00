/** Routes each message to the first handler that accepts it. */

import type { KernelMessage } from "./messages";

/** A possible receiver of messages. */
export interface MessageHandler {
  /** Handles a message; false, without effect, for one that it does not accept. */
  handle(message: KernelMessage): boolean;
}

/** Whether one of `handlers`, tried in order, has accepted the message. */
export function route(message: KernelMessage, handlers: readonly MessageHandler[]): boolean {
  return handlers.some((handler) => handler.handle(message));
}
