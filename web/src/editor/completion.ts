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

/** Names are recognised by so many of their last characters. */
const LONGEST_NAME = 200;

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
    ofServer: JsonObject,
    ofKernel: JsonObject,
    decode: (reply: JsonObject) => T | null,
    isEnough: (answer: T) => boolean,
  ): Promise<T[]> {
    const server = answered(ask(type, { ...ofServer, mode: language() }), decode);
    const known = await answered(own()?.request(type, ofKernel), decode);
    const other =
      known !== null && isEnough(known) ? await within(GRACE, server, clock) : await server;
    return [known, other].filter((answer) => answer !== null);
  }

  return {
    complete: async (code, cursor) => {
      const content = { code, cursor_pos: points(code.slice(0, cursor)) };
      const isEnough = ({ matches }: Completion) => matches.length > 0;
      const found = await answers("complete_request", content, content, completeReply, isEnough);
      const first = found.find(isEnough) ?? found[0];
      if (first === undefined) return null;
      const { start, end } = first;
      const alike = found.filter((each) => each.start === start && each.end === end);
      const matches = new Set(alike.flatMap((each) => each.matches));
      return { from: units(code, start), to: units(code, end), matches: [...matches] };
    },
    inspect: async (code, cursor) => {
      const [text] = await answers(
        "inspect_request",
        inspection(code, cursor),
        inspection(nameBefore(code, cursor)),
        (reply) => inspectReply(reply) || null,
        () => true,
      );
      return text ?? "";
    },
    inspectInKernel: async (code, cursor) => {
      const reply = own()?.request("inspect_request", inspection(nameBefore(code, cursor)));
      return (await answered(reply, inspectReply)) ?? "";
    },
  };
}

/** The content of a request for help at `cursor`, which is the end by default. */
function inspection(code: string, cursor = code.length): JsonObject {
  return { code, cursor_pos: points(code.slice(0, cursor)), detail_level: 0 };
}

/** A name, perhaps with dots, at the end of a program. */
const NAME = /(?<![\p{L}\p{N}_.)\]])[\p{L}_][\p{L}\p{N}_]*(?:\.[\p{L}_][\p{L}\p{N}_]*)*$/u;

/**
 * The name before the cursor, or else all code before it.
 *
 * Of a name among the arguments of a call, a kernel would explain the function that is called.
 */
function nameBefore(code: string, cursor: number): string {
  const before = code.slice(0, cursor);
  return NAME.exec(before.slice(-LONGEST_NAME))?.[0] ?? before;
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
