import { expect, test } from "vitest";

import {
  attributeAt,
  decodePostedEvent,
  decodeWidgetOrder,
  postable,
  widgetData,
  widgetEvent,
  widgetIn,
} from "../../../src/protocol/widgets/orders";

const VIEW = "application/vnd.jupyter.widget-view+json";

test("a display shows a widget if it names a model", () => {
  expect(widgetIn({ [VIEW]: { model_id: "m" }, "text/plain": "IntSlider()" })).toBe("m");
  expect(widgetIn({ [VIEW]: { model_id: 7 } })).toBe("");
  expect(widgetIn({ [VIEW]: "m" })).toBe("");
  expect(widgetIn({ "text/plain": "IntSlider()" })).toBe("");
});

test("parts of data of wrong types are empty", () => {
  const data = { method: "update", state: { value: 1 }, buffer_paths: [["value"]] };
  expect(widgetData(data)).toEqual({
    method: "update",
    state: { value: 1 },
    bufferPaths: [["value"]],
  });
  const empty = { method: "", state: {}, bufferPaths: [] };
  expect(widgetData(null)).toEqual(empty);
  expect(widgetData({ method: 1, state: [], buffer_paths: {} })).toEqual(empty);
});

test("the first step of a buffer's path is an attribute", () => {
  expect(attributeAt(["value", 0, "content"])).toBe("value");
  expect([[7], [], "value", undefined].map(attributeAt)).toEqual(["", "", "", ""]);
});

test("an event arrives as what JSON has of it", () => {
  const content = { at: new Date(0) as never, not: undefined as never };
  const event = { sent: 1, id: "m", data: { method: "custom", content }, buffers: [] };
  const posted = decodePostedEvent(structuredClone(postable(event)!) as never)!;
  expect(widgetEvent(posted)).toEqual({
    ...event,
    data: { method: "custom", content: { at: "1970-01-01T00:00:00.000Z" } },
  });
});

test("what the page would not read is not posted", () => {
  const event = { sent: 1, id: "m", data: {}, buffers: [] };
  const value = "x".repeat(4_000_000);
  expect(postable({ ...event, data: { value } })).toBeNull();
  const many = Array.from({ length: 1025 }, () => new ArrayBuffer(1));
  expect(postable({ ...event, buffers: many })).toBeNull();
  expect(postable({ ...event, buffers: many.slice(1) })).not.toBeNull();
});

test("data that are very long, or no text, are not read", () => {
  const event = { sent: 1, id: "m", buffers: [] as never };
  expect(decodePostedEvent({ ...event, json: "x".repeat(4_000_001) })).toBeNull();
  let doubled: object = {};
  for (let depth = 0; depth < 40; depth += 1) doubled = [doubled, doubled];
  expect(decodePostedEvent({ ...event, json: doubled as never })).toBeNull();
});

test("data that take the page long are none", () => {
  const json = (value: string) => `{"method":"custom","content":[${value}0]}`;
  const event = { sent: 1, id: "m", buffers: [] };
  expect(widgetEvent({ ...event, json: json("[],".repeat(999_000)) })).not.toBeNull();
  expect(widgetEvent({ ...event, json: json("[],".repeat(1_000_000)) })).toBeNull();
});

test("an order has a kind", () => {
  expect(decodeWidgetOrder({ kind: "end" })).toEqual({ kind: "end" });
  expect(decodeWidgetOrder({})).toBeNull();
  expect(decodeWidgetOrder(undefined)).toBeNull();
});
