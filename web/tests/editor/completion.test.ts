import { beforeEach, describe, expect, test } from "vitest";

import { completerFor } from "../../src/editor/completion";
import type { Kernel } from "../../src/kernel/kernel";
import { Refusal } from "../../src/kernel/server";
import { KernelGone } from "../../src/protocol/ask";
import type { JsonObject } from "../../src/protocol/messages";
import { FakeClock, reports, settled } from "../fakes";

let language: string;
let kernel: { isAlive: boolean; isIdle: boolean } | null;
let asked: [who: string, type: string, content: JsonObject][];
let replies: Record<"kernel" | "server", () => Promise<JsonObject>>;
const clock = new FakeClock();

beforeEach(() => {
  language = "sage";
  kernel = null;
  asked = [];
  const print = async () => ({ matches: ["print"], cursor_start: 0, cursor_end: 3 });
  replies = { kernel: print, server: print };
});

const completer = completerFor({
  kernel: () =>
    kernel === null
      ? null
      : ({
          ...kernel,
          request: (type: string, content: JsonObject) => {
            asked.push(["kernel", type, content]);
            return replies.kernel();
          },
        } as unknown as Kernel),
  language: () => language,
  ask: (type, content) => {
    asked.push(["server", type, content]);
    return replies.server();
  },
  clock,
});

// contract: 7.7
test("without a kernel, the server's completer gets the request and the language", async () => {
  expect(await completer.complete("pri", 3)).toEqual({ from: 0, to: 3, matches: ["print"] });
  kernel = { isAlive: false, isIdle: false };
  replies.server = async () => ({ data: { "text/plain": "prints" } });
  expect(await completer.inspect("print", 5)).toBe("prints");
  expect(asked).toEqual([
    ["server", "complete_request", { code: "pri", cursor_pos: 3, mode: "sage" }],
    ["server", "inspect_request", { code: "print", cursor_pos: 5, detail_level: 0, mode: "sage" }],
  ]);
});

// contract: 7.7
test("an idle kernel is asked too, for the languages that it completes", async () => {
  kernel = { isAlive: true, isIdle: true };
  await completer.complete("pri", 3);
  language = "maxima";
  await completer.complete("tay", 3);
  kernel = { isAlive: true, isIdle: false };
  language = "sage";
  await completer.complete("pri", 3);
  expect(asked).toEqual([
    ["server", "complete_request", { code: "pri", cursor_pos: 3, mode: "sage" }],
    ["kernel", "complete_request", { code: "pri", cursor_pos: 3 }],
    ["server", "complete_request", { code: "tay", cursor_pos: 3, mode: "maxima" }],
    ["server", "complete_request", { code: "pri", cursor_pos: 3, mode: "sage" }],
  ]);
});

test("of the kernel, help is asked on the name alone: IPython would take the function around it", async () => {
  kernel = { isAlive: true, isIdle: true };
  for (const [code, name] of [
    ["x = 1\nplot(sin", "sin"],
    ["plot(größe.a_1", "größe.a_1"],
    ["plot(a.b.c", "a.b.c"],
    ["plot(x[1].y", "plot(x[1].y"],
    ["plot(f().y", "plot(f().y"],
    ["plot(", "plot("],
  ] as const) {
    asked = [];
    await completer.inspect(code, code.length);
    const content = { code: name, cursor_pos: name.length, detail_level: 0 };
    expect(asked[1], code).toEqual(["kernel", "inspect_request", content]);
    expect(asked[0]![2]["code"]).toBe(code);
  }
});

test("signatures are asked of an idle kernel alone", async () => {
  replies.kernel = async () => ({ data: { "text/plain": "Signature: f(x)" } });
  expect(await completer.inspectInKernel("f", 1)).toBe("");
  kernel = { isAlive: true, isIdle: false };
  expect(await completer.inspectInKernel("f", 1)).toBe("");
  expect(asked).toEqual([]);
  kernel = { isAlive: true, isIdle: true };
  expect(await completer.inspectInKernel("\u{1f600}\nf", 4)).toBe("Signature: f(x)");
  expect(asked).toEqual([
    ["kernel", "inspect_request", { code: "f", cursor_pos: 1, detail_level: 0 }],
  ]);
  language = "maxima";
  expect(await completer.inspectInKernel("f", 1)).toBe("");
  language = "python";
  replies.kernel = async () => Promise.reject(new KernelGone());
  expect(await completer.inspectInKernel("f", 1)).toBe("");
});

describe("beside an idle kernel", () => {
  const program = "import math\nmath.sq";
  const complete = () => completer.complete(program, program.length);
  const found = (...matches: string[]) => ({ matches, cursor_start: 17, cursor_end: 19 });
  const nothing = { matches: [], cursor_start: 19, cursor_end: 19 };
  beforeEach(() => (kernel = { isAlive: true, isIdle: true }));

  test("the server knows imports that have not run", async () => {
    replies.kernel = async () => nothing;
    replies.server = async () => found("sqrt");
    expect(await complete()).toEqual({ from: 17, to: 19, matches: ["sqrt"] });
    replies.kernel = async () => ({ data: {} });
    replies.server = async () => ({ data: { "text/plain": "a square root" } });
    expect(await completer.inspect("math.sqrt", 9)).toBe("a square root");
  });

  test("what both know is offered once, the kernel's first", async () => {
    replies.kernel = async () => found("sqrt", "sq");
    replies.server = async () => found("square", "sqrt");
    expect((await complete())?.matches).toEqual(["sqrt", "sq", "square"]);
    replies.server = async () => ({ matches: ["math.sqr"], cursor_start: 12, cursor_end: 19 });
    expect((await complete())?.matches).toEqual(["sqrt", "sq"]);
    replies.server = async () => Promise.reject(new Refusal("Too many."));
    expect((await complete())?.matches).toEqual(["sqrt", "sq"]);
  });

  test("the kernel's names do not wait long for the server's", async () => {
    replies.kernel = async () => found("sqrt");
    replies.server = () => new Promise(() => undefined);
    let answer: unknown;
    void complete().then((made) => (answer = made));
    await settled();
    expect(answer).toBeUndefined();
    clock.advance(0.5);
    await settled();
    expect(answer).toEqual({ from: 17, to: 19, matches: ["sqrt"] });
    replies.server = async () => nothing;
    await complete();
    expect(clock.pending).toBe(0);
  });

  test("nothing is found when both know nothing", async () => {
    replies.kernel = replies.server = async () => nothing;
    expect((await complete())?.matches).toEqual([]);
  });
});

test("positions are sent in code points, and returned in UTF-16 units", async () => {
  replies.server = async () => ({ matches: ["y"], cursor_start: 2, cursor_end: 3 });
  expect(await completer.complete("\u{1f600} x", 4)).toEqual({ from: 3, to: 4, matches: ["y"] });
  expect(asked[0]![2]["cursor_pos"]).toBe(3);
});

test("failures and malformed replies give nothing", async () => {
  replies.server = async () => Promise.reject(new KernelGone());
  expect([await completer.complete("p", 1), await completer.inspect("p", 1)]).toEqual([null, ""]);
  replies.server = async () => ({ matches: 7, data: [] });
  expect([await completer.complete("p", 1), await completer.inspect("p", 1)]).toEqual([null, ""]);
});

test("an unexpected error gives nothing, and is reported", async () => {
  const reported = reports();
  replies.server = async () => Promise.reject(new TypeError("a mistake"));
  expect([await completer.complete("p", 1), await completer.inspect("p", 1)]).toEqual([null, ""]);
  expect(reported()).toHaveLength(2);
});
