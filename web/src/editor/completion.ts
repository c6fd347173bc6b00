/** Completion and help: from the cell's kernel, or else from the server's completer. */

import type { Clock } from "../dom/clock";
import { report } from "../dom/errors";
import type { Kernel } from "../kernel/kernel";
import { Refusal } from "../kernel/server";
import { KernelGone } from "../protocol/ask";
import type { JsonObject } from "../protocol/messages";
import { type Completion, completeReply, inspectReply } from "../protocol/replies";
import type { Completer } from "./editor";

/** The sources of completions and help. */
export interface CompleterOptions {
  /** The kernel of the last evaluation; null before the first. */
  readonly kernel: () => Kernel | null;
  readonly language: () => string;
  /** Sends a request to the server's completer. Rejects with Refusal. */
  readonly ask: (type: string, content: JsonObject) => Promise<JsonObject>;
  readonly clock: Clock;
}

/** The languages that kernels complete; the server's completer knows the names of the others. */
const KERNEL_LANGUAGES: ReadonlySet<string> = new Set(["sage", "python"]);

/** Seconds that the server has for what it knows beside the kernel. */
const GRACE = 0.5;

/**
 * A completer that never rejects: without an answer, it finds nothing.
 *
 * The server's completer analyses the program, which the kernel has perhaps not run; the kernel knows
 * what has run. So an idle kernel and the server are asked at the same time.
 */
export function completerFor({ kernel, language, ask, clock }: CompleterOptions): Completer {
  const own = (): Kernel | null => {
    const known = KERNEL_LANGUAGES.has(language()) ? kernel() : null;
    return known?.isAlive && known.isIdle ? known : null;
  };

  /** What each has answered, the kernel first; the server may be late if the kernel knows enough. */
  async function answers<T>(
    type: string,
    content: JsonObject,
    decode: (reply: JsonObject) => T | null,
    isEnough: (answer: T) => boolean,
  ): Promise<T[]> {
    const server = answered(ask(type, { ...content, mode: language() }), decode);
    const known = await answered(own()?.request(type, content), decode);
    const other =
      known !== null && isEnough(known) ? await within(GRACE, server, clock) : await server;
    return [known, other].filter((answer) => answer !== null);
  }

  return {
    complete: async (code, cursor) => {
      const content = { code, cursor_pos: points(code.slice(0, cursor)) };
      const isEnough = ({ matches }: Completion) => matches.length > 0;
      const found = await answers("complete_request", content, completeReply, isEnough);
      const first = found.find(isEnough) ?? found[0];
      if (first === undefined) return null;
      const { start, end } = first;
      const alike = found.filter((each) => each.start === start && each.end === end);
      const matches = new Set(alike.flatMap((each) => each.matches));
      return { from: units(code, start), to: units(code, end), matches: [...matches] };
    },
    inspect: async (code, cursor) => {
      const content = { code, cursor_pos: points(code.slice(0, cursor)), detail_level: 0 };
      const [text] = await answers(
        "inspect_request",
        content,
        (reply) => inspectReply(reply) || null,
        () => true,
      );
      return text ?? "";
    },
  };
}

/** The decoded reply; null if there is none. Only unexpected failures are reported. */
async function answered<T>(
  reply: Promise<JsonObject> | undefined,
  decode: (reply: JsonObject) => T | null,
): Promise<T | null> {
  try {
    return reply === undefined ? null : decode(await reply);
  } catch (error) {
    if (!(error instanceof KernelGone || error instanceof Refusal)) report(error, "completing");
    return null;
  }
}

/** The value, or null if it takes longer. */
function within<T>(seconds: number, value: Promise<T>, clock: Clock): Promise<T | null> {
  return new Promise((resolve) => {
    const cancel = clock.after(seconds, () => resolve(null));
    void value.then((made) => {
      cancel();
      resolve(made);
    });
  });
}

/** The number of code points, which Jupyter counts, in a text of UTF-16 units, as browsers count. */
function points(text: string): number {
  return Array.from(text).length;
}

/** The number of UTF-16 units in the first `count` code points. */
function units(text: string, count: number): number {
  return Array.from(text).slice(0, count).join("").length;
}
