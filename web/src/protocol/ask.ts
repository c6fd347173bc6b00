/** The interface for requests to a kernel. */

import type { JsonObject } from "./messages";

/**
 * Sends a request to the kernel; the reply's content, when the kernel is idle again.
 *
 * `sent` is called with the request's id before it is sent. Rejects only with KernelGone and Refused.
 */
export type Ask = (
  type: string,
  content: JsonObject,
  sent?: (id: string) => void,
  buffers?: readonly ArrayBuffer[],
) => Promise<JsonObject>;

/** There is no kernel, or it ended before it replied. */
export class KernelGone extends Error {
  constructor() {
    super("The program has ended.");
  }
}

/** The server has not passed the request on to the kernel; the message is its sentence. */
export class Refused extends Error {}
