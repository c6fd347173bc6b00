import { beforeEach, expect, test } from "vitest";

import { Captures } from "../../src/comm/captures";
import type { JsonObject, MessageOf } from "../../src/protocol/messages";
import { heard } from "../fakes";

let captures: Captures;

const state = (state: JsonObject) => ({ method: "update", state });
const opens = (id: string) =>
  captures.changed(id, state({ _model_module: "@jupyter-widgets/output", msg_id: "" }), true);
const captured = (id: string, request: string) =>
  captures.changed(id, state({ msg_id: request }), false);
const prints = (text: string, parent: string) =>
  captures.take(heard("stream", { name: "stdout", text }, parent));
const texts = (id: string) => {
  const { outputs = [] } = captures.stateOf(id) as { outputs?: JsonObject[] };
  return outputs.map(({ text }) => text);
};

beforeEach(() => {
  captures = new Captures();
  opens("a");
});

test("output of the request is captured until the capture ends, and nothing else", () => {
  expect(prints("early", "r")).toBeNull();
  captured("a", "r");
  expect(prints("x", "r")).toMatchObject({ kind: "output", id: "a", output: { text: "x" } });
  expect(prints("y", "r")).not.toBeNull();
  expect(prints("else", "q")).toBeNull();
  expect(captures.take(heard("execute_reply", {}, "r"))).toBeNull();
  expect(captures.take(heard("input_request", {}, "r"))).toBeNull();
  captured("a", "");
  expect(prints("late", "r")).toBeNull();
  expect(prints("nobody's", "")).toBeNull();
  expect(texts("a")).toEqual(["xy"]);
});

test("the widget that began last has the output, and then again the one before", () => {
  opens("b");
  captured("b", "r");
  captured("a", "r");
  expect(prints("x", "r")).toMatchObject({ id: "a" });
  captured("a", "");
  expect(prints("y", "r")).toMatchObject({ id: "b" });
});

test("clearing takes effect at once, or with the next output", () => {
  captured("a", "r");
  prints("x", "r");
  const clear = (wait: boolean) => captures.take(heard("clear_output", { wait }, "r"));
  expect(clear(true)).toEqual({ kind: "clear", id: "a", wait: true });
  expect(texts("a")).toEqual(["x"]);
  prints("y", "r");
  expect(texts("a")).toEqual(["y"]);
  expect(clear(false)).toEqual({ kind: "clear", id: "a", wait: false });
  expect(texts("a")).toEqual([]);
});

test("what the program sets takes the place of what was captured", () => {
  captured("a", "r");
  prints("x", "r");
  captures.changed("a", state({ outputs: [{ output_type: "stream", text: "set" }] }), false);
  expect(texts("a")).toEqual(["set"]);
});

test("the kernel is told once what a request has left, without ids for updates", () => {
  captured("a", "r");
  const display = { data: {}, metadata: {}, transient: { display_id: "d" } };
  captures.take(heard("display_data", display, "r"));
  expect(captures.unsaved("q")).toEqual([]);
  expect(captures.unsaved("")).toEqual([]);
  expect(captures.unsaved("r")).toEqual([
    ["a", [{ output_type: "display_data", data: {}, metadata: {} }]],
  ]);
  expect(captures.unsaved("r")).toEqual([]);
  expect(captures.unsaved("")).toEqual([]);
});

test("displays are updated wherever they are captured", () => {
  captured("a", "r");
  captures.take(
    heard("display_data", { data: {}, metadata: {}, transient: { display_id: "d" } }, "r"),
  );
  const update = (id: string) =>
    heard("update_display_data", {
      data: { "text/plain": "2" },
      metadata: {},
      transient: { display_id: id },
    }) as MessageOf<"update_display_data">;
  expect(captures.update(update("d"))).toMatchObject([{ kind: "output", id: "a" }]);
  expect(captures.update(update("e"))).toEqual([]);
});

test("other widgets and closed ones capture nothing", () => {
  captures.changed("other", state({ _model_module: "@jupyter-widgets/controls" }), true);
  captured("other", "r");
  expect(prints("x", "r")).toBeNull();
  captured("a", "r");
  captures.close("a");
  expect(prints("x", "r")).toBeNull();
  expect(captures.stateOf("a")).toEqual({});
});
