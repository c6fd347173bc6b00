/** Completion and help: from the cell's kernel, or else from the server's completer. */

import { report } from "../dom/errors";
import type { Kernel } from "../kernel/kernel";
import { Refusal } from "../kernel/server";
import { KernelGone } from "../protocol/ask";
import type { JsonObject } from "../protocol/messages";
import { completeReply, inspectReply } from "../protocol/replies";
import type { Completer } from "./editor";

/** The sources of completions and help. */
export interface CompleterOptions {
  /** The kernel of the last evaluation; null before the first. */
  readonly kernel: () => Kernel | null;
  readonly language: () => string;
  /** Sends a request to the server's completer. Rejects with Refusal. */
  readonly ask: (type: string, content: JsonObject) => Promise<JsonObject>;
}

/** The languages that kernels complete; the server's completer knows the names of the others. */
const KERNEL_LANGUAGES: ReadonlySet<string> = new Set(["sage", "python"]);

/** A completer that never rejects: without an answer, it finds nothing. */
export function completerFor({ kernel, language, ask }: CompleterOptions): Completer {
  const own = () => (KERNEL_LANGUAGES.has(language()) && kernel()?.isAlive ? kernel() : null);
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

/** `nothing`, for a request that failed. Only unexpected failures are reported. */
function failed<T>(error: unknown, nothing: T): T {
  if (!(error instanceof KernelGone || error instanceof Refusal)) report(error, "completing");
  return nothing;
}
