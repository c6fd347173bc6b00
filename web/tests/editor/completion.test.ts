import { beforeEach, expect, test } from "vitest";

import { completerFor } from "../../src/editor/completion";
import type { Kernel } from "../../src/kernel/kernel";
import { KernelGone } from "../../src/protocol/ask";
import type { JsonObject } from "../../src/protocol/messages";
import { reports } from "../fakes";

let language: string;
let kernel: { isAlive: boolean; isIdle: boolean } | null;
let asked: [who: string, type: string, content: JsonObject][];
let reply: () => Promise<JsonObject>;

beforeEach(() => {
  language = "sage";
  kernel = null;
  asked = [];
  reply = async () => ({ matches: ["print"], cursor_start: 0, cursor_end: 3 });
});

const completer = completerFor({
  kernel: () =>
    kernel === null
      ? null
      : ({
          ...kernel,
          request: (type: string, content: JsonObject) => {
            asked.push(["kernel", type, content]);
            return reply();
          },
        } as unknown as Kernel),
  language: () => language,
  ask: (type, content) => {
    asked.push(["server", type, content]);
    return reply();
  },
});

// contract: 7.7
test("without a kernel, the server's completer gets the request and the language", async () => {
  expect(completer.isReady()).toBe(true);
  expect(await completer.complete("pri", 3)).toEqual({ from: 0, to: 3, matches: ["print"] });
  kernel = { isAlive: false, isIdle: false };
  reply = async () => ({ data: { "text/plain": "prints" } });
  expect(await completer.inspect("print", 5)).toBe("prints");
  expect(asked).toEqual([
    ["server", "complete_request", { code: "pri", cursor_pos: 3, mode: "sage" }],
    ["server", "inspect_request", { code: "print", cursor_pos: 5, detail_level: 0, mode: "sage" }],
  ]);
});

// contract: 7.7
test("an idle kernel gets the request, for the languages that it completes", async () => {
  kernel = { isAlive: true, isIdle: false };
  expect(completer.isReady()).toBe(false);
  kernel = { isAlive: true, isIdle: true };
  expect(completer.isReady()).toBe(true);
  await completer.complete("pri", 3);
  language = "maxima";
  await completer.complete("tay", 3);
  expect(asked).toEqual([
    ["kernel", "complete_request", { code: "pri", cursor_pos: 3 }],
    ["server", "complete_request", { code: "tay", cursor_pos: 3, mode: "maxima" }],
  ]);
});

test("positions are sent in code points, and returned in UTF-16 units", async () => {
  reply = async () => ({ matches: ["y"], cursor_start: 2, cursor_end: 3 });
  expect(await completer.complete("\u{1f600} x", 4)).toEqual({ from: 3, to: 4, matches: ["y"] });
  expect(asked[0]![2]["cursor_pos"]).toBe(3);
});

test("failures and malformed replies give nothing", async () => {
  reply = async () => Promise.reject(new KernelGone());
  expect([await completer.complete("p", 1), await completer.inspect("p", 1)]).toEqual([null, ""]);
  reply = async () => ({ matches: 7, data: [] });
  expect([await completer.complete("p", 1), await completer.inspect("p", 1)]).toEqual([null, ""]);
});

test("an unexpected error gives nothing, and is reported", async () => {
  const reported = reports();
  reply = async () => Promise.reject(new TypeError("a mistake"));
  expect([await completer.complete("p", 1), await completer.inspect("p", 1)]).toEqual([null, ""]);
  expect(reported()).toHaveLength(2);
});
