/** Whose a message is: the first that says so has it, and nobody else hears of it. */

import type { KernelMessage } from "./messages";

export interface MessageHandler {
  /** Takes in a message; false for one that is somebody else's. */
  handle(message: KernelMessage): boolean;
}

/** Whether one of `handlers`, asked in their order, took the message. */
export function route(message: KernelMessage, handlers: readonly MessageHandler[]): boolean {
  return handlers.some((handler) => handler.handle(message));
}
