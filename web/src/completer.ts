/** Completion and help from the kernel on which a cell's programs run, while there is one. */

import type { Completer } from "./editor";
import type { Kernel } from "./kernel";
import { objectAt, textAt, textsAt } from "./messages";

export function completerFor(kernel: () => Kernel | null): Completer {
  return {
    isReady: () => kernel()?.isIdle ?? false,
    complete: async (code, cursor) => {
      try {
        // Jupyter counts code points, the browser UTF-16 units.
        const before = [...code.slice(0, cursor)].length;
        const reply = await kernel()!.request("complete_request", { code, cursor_pos: before });
        const { cursor_start: start, cursor_end: end } = reply;
        if (typeof start !== "number" || typeof end !== "number") return null;
        const points = [...code];
        const units = (count: number) => points.slice(0, count).join("").length;
        return { from: units(start), to: units(end), matches: textsAt(reply, "matches") };
      } catch {
        return null;
      }
    },
    inspect: async (code, cursor) => {
      try {
        const reply = await kernel()!.request("inspect_request", {
          code,
          cursor_pos: [...code.slice(0, cursor)].length,
          detail_level: 0,
        });
        return textAt(objectAt(reply, "data"), "text/plain");
      } catch {
        return "";
      }
    },
  };
}
