import { expect, test } from "vitest";

import type { JsonObject } from "../../../src/protocol/messages";
import { capturedIn } from "../../../src/protocol/widgets/captured";

const MODULE = { _model_module: "@jupyter-widgets/output" };

test.each<[string, JsonObject, boolean, object | null]>([
  ["a new output", { ...MODULE, msg_id: "", outputs: [] }, true, { request: "", outputs: [] }],
  ["another new widget", { msg_id: "r" }, true, null],
  ["the beginning of a capture", { msg_id: "r" }, false, { request: "r", outputs: null }],
  ["the end of a capture", { msg_id: "" }, false, { request: "", outputs: null }],
  ["outputs", { outputs: [{ a: 1 }, 7] }, false, { request: null, outputs: [{ a: 1 }] }],
  ["another change", { layout: "l" }, false, null],
])("%s", (_name, state, isNew, expected) => {
  expect(capturedIn({ method: "update", state }, isNew)).toEqual(expected);
});

test("data that are none change nothing", () => {
  expect(capturedIn(null, false)).toBeNull();
  expect(capturedIn({ state: 7 }, true)).toBeNull();
});
