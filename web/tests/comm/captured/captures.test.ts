import { beforeEach, expect, test } from "vitest";

import { Captures } from "../../../src/comm/captured/captures";
import type { JsonObject, MessageOf } from "../../../src/protocol/messages";
import { heard } from "../../fakes";

let captures: Captures;

const state = (state: JsonObject) => ({ method: "update", state });
const opens = (id: string) =>
  captures.changed(id, state({ _model_module: "@jupyter-widgets/output", msg_id: "" }), true);
const captured = (id: string, request: string) =>
  captures.changed(id, state({ msg_id: request }), false);
const prints = (text: string, parent: string) =>
  captures.take(heard("stream", { name: "stdout", text }, parent));
const shows = (parent: string) =>
  captures.take(
    heard("display_data", { data: {}, metadata: {}, transient: { display_id: "d" } }, parent),
  );
const updates = (id: string, text: string, parent: string) =>
  heard(
    "update_display_data",
    { data: { "text/plain": text }, metadata: {}, transient: { display_id: id } },
    parent,
  ) as MessageOf<"update_display_data">;
const output = (ids: string[], text: string) => ({
  kind: "output",
  ids,
  output: { output_type: "stream", name: "stdout", text },
});
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
  expect(prints("x", "r")).toEqual([output(["a"], "x")]);
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
  expect(prints("x", "r")).toEqual([output(["a"], "x")]);
  captured("a", "");
  expect(prints("y", "r")).toEqual([output(["b"], "y")]);
});

test("clearing takes effect at once, or with the next output", () => {
  captured("a", "r");
  prints("x", "r");
  const clear = (wait: boolean) => captures.take(heard("clear_output", { wait }, "r"));
  expect(clear(true)).toEqual([{ kind: "clear", id: "a", wait: true }]);
  expect(texts("a")).toEqual(["x"]);
  prints("y", "r");
  expect(texts("a")).toEqual(["y"]);
  expect(clear(false)).toEqual([{ kind: "clear", id: "a", wait: false }]);
  expect(texts("a")).toEqual([]);
});

test("what the program sets takes the place of what was captured", () => {
  captured("a", "r");
  prints("x", "r");
  captures.changed("a", state({ outputs: [{ output_type: "stream", text: "set" }] }), false);
  expect(texts("a")).toEqual(["set"]);
});

test("a widget is to be saved once for each request, with its output without ids for updates", () => {
  captured("a", "r");
  shows("r");
  expect(captures.unsaved("q")).toEqual([]);
  expect(captures.unsaved("")).toEqual([]);
  expect(captures.unsaved("r")).toEqual(["a"]);
  expect(captures.unsaved("r")).toEqual([]);
  expect(captures.unsaved("")).toEqual([]);
  expect(captures.kept("a", 1000)).toEqual([
    { output_type: "display_data", data: {}, metadata: {} },
  ]);
  expect(captures.kept("a", 100)).toBeNull();
  expect(captures.kept("b", 1000)).toBeNull();
});

test("what several requests have left is saved after the last one", () => {
  captured("a", "r");
  prints("x", "r");
  captured("a", "q");
  prints("y", "q");
  expect(captures.unsaved("r")).toEqual([]);
  expect(captures.unsaved("q")).toEqual(["a"]);
});

test("displays are updated wherever they are captured, by one order", () => {
  opens("b");
  captured("b", "r");
  shows("r");
  shows("r");
  captured("a", "r");
  shows("r");
  opens("c");
  const before = captures.unsaved("r");
  expect(before).toEqual(["b", "a"]);
  const update = updates("d", "2", "q");
  expect(captures.update(update)).toMatchObject({
    kind: "output",
    ids: ["b", "a"],
    output: { output_type: "update_display_data", data: { "text/plain": "2" } },
  });
  expect(captures.update(updates("e", "2", "q"))).toBeNull();
  expect(captures.stateOf("b")).toMatchObject({
    outputs: [{ data: { "text/plain": "2" } }, { data: { "text/plain": "2" } }],
  });
  expect(captures.unsaved("q")).toEqual(["b", "a"]);
  captures.close("b");
  expect(captures.update(update)).toMatchObject({ ids: ["a"] });
  captures.changed("a", state({ outputs: [] }), false);
  expect(captures.update(update)).toBeNull();
});

test("the end of many captures of one request, in any order, leaves the last that began", () => {
  const ids = Array.from({ length: 100 }, (_, index) => `m${index}`);
  for (const id of ids) {
    opens(id);
    captured(id, "r");
  }
  captures.close("m99");
  for (const id of ids.slice(0, 50)) captured(id, "");
  expect(prints("x", "r")).toEqual([output(["m98"], "x")]);
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
