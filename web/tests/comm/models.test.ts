import { expect, test } from "vitest";

import { MOST_STATE, Models } from "../../src/comm/models";
import type { JsonObject } from "../../src/protocol/messages";

const bytes = (...values: number[]) => Uint8Array.from(values).buffer;

function opened(state: JsonObject, paths: JsonObject[string][] = [], ...buffers: ArrayBuffer[]) {
  const models = new Models();
  const data = { state, buffer_paths: paths };
  models.open({ id: "m", target: "jupyter.widget", version: "2.1.0", data, buffers });
  return models;
}

const update = (state: JsonObject, paths: JsonObject[string][] = []) => ({
  method: "update",
  state,
  buffer_paths: paths,
});

test("a frame that comes later has the present state", () => {
  const models = opened({ value: 1, max: 9 });
  models.change("m", update({ value: 2 }), []);
  models.change("other", update({ value: 3 }), []);
  models.change("m", null, []);
  expect(models.order("m")).toEqual({
    kind: "open",
    id: "m",
    version: "2.1.0",
    state: { value: 2, max: 9 },
    bufferPaths: [],
    buffers: [],
  });
  expect(models.order("m", { value: 7 })).toMatchObject({ state: { value: 7, max: 9 } });
  expect(models.order("other")).toBeNull();
});

test("a buffer stays until its attribute changes", () => {
  const models = opened({ format: "png" }, [["value"]], bytes(1));
  models.change("m", update({ format: "gif" }), []);
  expect(models.order("m")).toMatchObject({ bufferPaths: [["value"]], buffers: [bytes(1)] });
  models.change("m", update({}, [["value"]]), [bytes(2, 3)]);
  const order = models.order("m");
  expect(order).toMatchObject({ bufferPaths: [["value"]] });
  expect(order?.kind === "open" && order.buffers.map((each) => each.byteLength)).toEqual([2]);
  models.change("m", update({ value: null }), []);
  expect(models.order("m")).toMatchObject({ state: { value: null }, buffers: [] });
});

test("buffers within an attribute are replaced together", () => {
  const paths = [
    ["value", 0, "content"],
    ["value", 1, "content"],
  ];
  const models = opened({ value: [{}, {}] }, paths, bytes(1), bytes(2));
  models.change("m", update({ value: [{ name: "b" }] }, [["value", 0, "content"]]), [bytes(3)]);
  expect(models.order("m")).toMatchObject({
    state: { value: [{ name: "b" }] },
    bufferPaths: [["value", 0, "content"]],
  });
});

test("paths without buffers, and buffers without paths, are passed over", () => {
  const models = opened({ a: 1 }, [["value"], 7, ["more"]], bytes(1));
  expect(models.order("m")).toMatchObject({ bufferPaths: [["value"]] });
});

test("a closed model is gone", () => {
  const models = opened({});
  expect(models.ids()).toEqual(["m"]);
  expect(models.close("m")).toBe(true);
  expect(models.close("m")).toBe(false);
  expect(models.ids()).toEqual([]);
});

const opens = (models: Models, id: string, state: JsonObject, ...buffers: ArrayBuffer[]) => {
  const data = { state, buffer_paths: buffers.map((_, index) => ["b", index]) };
  return models.open({ id, target: "", version: "", data, buffers });
};

test("there is room for ten thousand models", () => {
  const models = new Models();
  for (let index = 0; index < 10_000; index += 1) opens(models, `m${index}`, {});
  expect(opens(models, "one too many", {})).toBe(false);
  expect(models.has("one too many")).toBe(false);
  models.close("m0");
  expect(opens(models, "another", {})).toBe(true);
});

test("all states have one bound, and their buffers count", () => {
  const models = new Models();
  expect(opens(models, "m", { value: "x".repeat(MOST_STATE / 2) })).toBe(true);
  expect(opens(models, "n", {}, new ArrayBuffer(MOST_STATE / 2))).toBe(false);
  expect(models.has("n")).toBe(false);
  // What takes the place of something else has its room.
  expect(models.change("m", update({ value: "y".repeat(MOST_STATE / 2) }), [])).toBe(true);
  expect(models.change("m", update({ more: "y".repeat(MOST_STATE / 2) }), [])).toBe(false);
  models.close("m");
  expect(opens(models, "n", {}, new ArrayBuffer(MOST_STATE / 2))).toBe(true);
  for (let turn = 0; turn < 3; turn += 1) {
    const half = new ArrayBuffer(MOST_STATE / 2);
    expect(models.change("n", update({ b: null }, [["b"]]), [half])).toBe(true);
  }
});

test("many attributes, buffers and models take room, too", () => {
  const models = new Models();
  opens(models, "m", {});
  const state = Object.fromEntries(Array.from({ length: 100_000 }, (_, index) => [index, 0]));
  let turns = 0;
  const names = (value: string) =>
    Object.fromEntries(Object.entries(state).map(([name]) => [value + name, 0]));
  while (models.change("m", update(names(`t${turns}-`)), [])) turns += 1;
  expect(turns).toBeLessThan(10);
});

test("a state that is nested too deeply is none", () => {
  const deep = JSON.parse("[".repeat(100_000) + "]".repeat(100_000)) as JsonObject[string];
  const models = new Models();
  expect(opens(models, "m", { deep })).toBe(false);
  expect(opens(models, "m", {})).toBe(true);
  expect(models.change("m", update({ deep }), [])).toBe(false);
  // A path that no state has leads nowhere.
  expect(models.change("m", update({}, [["b", deep]]), [bytes(1)])).toBe(true);
  expect(models.order("m")).toMatchObject({ bufferPaths: [] });
});

test("names of attributes and models are like others", () => {
  const models = new Models();
  expect(opens(models, "__proto__", JSON.parse('{"__proto__": {"a": 1}}') as JsonObject)).toBe(
    true,
  );
  const order = models.order("__proto__", { outputs: [] });
  expect(JSON.stringify(order?.kind === "open" && order.state)).toBe(
    '{"__proto__":{"a":1},"outputs":[]}',
  );
});
