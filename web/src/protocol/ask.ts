/** How a part of the page asks a kernel. */

import type { JsonObject } from "./messages";

/**
 * Asks the kernel; the reply's content, once the kernel is idle again.
 *
 * `sent` is told the request's id at once. Rejects with KernelGone, and with nothing else.
 */
export type Ask = (
  type: string,
  content: JsonObject,
  sent?: (id: string) => void,
) => Promise<JsonObject>;

/** There is no kernel, or it has ended before it answered. */
export class KernelGone extends Error {
  constructor() {
    super("The kernel has ended.");
  }
}
