import { expect, test } from "vitest";

import { Models } from "../../src/comm/models";
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
  expect(models.size).toBe(0);
});
