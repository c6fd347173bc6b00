/** Closes comms that the page does not show. */

import type { Ask } from "../protocol/ask";
import { Allowance } from "./allowance";

/** Comms whose end the kernel may have still to handle; a program that opens more is not told. */
const MOST = { count: 100, bytes: 100_000 };

/** A function that tells the kernel that a comm is closed. */
export function commCloser(request: Ask): (id: string) => void {
  const allowance = new Allowance(MOST);
  return (id) => {
    if (!allowance.take(id.length)) return;
    request("comm_close", { comm_id: id, data: {} })
      // The kernel has ended, and its comms have, too; or it has too much to do already.
      .catch(() => undefined)
      .finally(() => allowance.give(id.length));
  };
}
