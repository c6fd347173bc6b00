/** How a part of the page asks a kernel. */

import type { JsonObject } from "./messages";

/** Asks the kernel; `sent` is told the request's id at once. */
export type Ask = (
  type: string,
  content: JsonObject,
  sent?: (id: string) => void,
) => Promise<JsonObject>;
