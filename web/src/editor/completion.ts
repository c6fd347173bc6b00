/** Completion and help: from the kernel on which a cell's programs run, or from the server's own. */

import { report } from "../dom/errors";
import type { Kernel } from "../kernel/kernel";
import { Refusal } from "../kernel/server";
import { KernelGone } from "../protocol/ask";
import type { JsonObject } from "../protocol/messages";
import { completeReply, inspectReply } from "../protocol/replies";
import type { Completer } from "./editor";

export interface CompleterOptions {
  /** The kernel of the last evaluation; null before the first. */
  readonly kernel: () => Kernel | null;
  readonly language: () => string;
  /** Asks whoever answers for cells without a kernel. */
  readonly ask: (type: string, content: JsonObject) => Promise<JsonObject>;
}

/** What kernels read. They know nothing of other languages' words. */
const SPOKEN: ReadonlySet<string> = new Set(["sage", "python"]);

export function completerFor({ kernel, language, ask }: CompleterOptions): Completer {
  const own = () => (SPOKEN.has(language()) && kernel()?.isAlive ? kernel() : null);
  const question = (type: string, content: JsonObject): Promise<JsonObject> =>
    own()?.request(type, content) ?? ask(type, { ...content, mode: language() });
  return {
    isReady: () => own()?.isIdle ?? true,
    complete: async (code, cursor) => {
      try {
        // Jupyter counts code points, the browser UTF-16 units.
        const before = Array.from(code.slice(0, cursor)).length;
        const reply = await question("complete_request", { code, cursor_pos: before });
        const completion = completeReply(reply);
        if (completion === null) return null;
        const { matches, start, end } = completion;
        const points = Array.from(code);
        const units = (count: number) => points.slice(0, count).join("").length;
        return { from: units(start), to: units(end), matches };
      } catch (error) {
        return failed(error, null);
      }
    },
    inspect: async (code, cursor) => {
      try {
        const reply = await question("inspect_request", {
          code,
          cursor_pos: Array.from(code.slice(0, cursor)).length,
          detail_level: 0,
        });
        return inspectReply(reply);
      } catch (error) {
        return failed(error, "");
      }
    },
  };
}

/** `nothing`, for a question that was not answered; a kernel or server that cannot is no news. */
function failed<T>(error: unknown, nothing: T): T {
  if (!(error instanceof KernelGone || error instanceof Refusal)) report(error, "completing");
  return nothing;
}
