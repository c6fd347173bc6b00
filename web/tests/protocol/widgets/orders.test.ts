import { expect, test } from "vitest";

import {
  attributeAt,
  decodeWidgetEvent,
  decodeWidgetOrder,
  widgetData,
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

test("an event's data are what JSON can have", () => {
  const event = { sent: 1, id: "m", buffers: [] as never };
  const data = { method: "custom", content: { at: new Date(0) as never, not: undefined as never } };
  expect(decodeWidgetEvent({ ...event, data })?.data).toEqual({
    method: "custom",
    content: { at: "1970-01-01T00:00:00.000Z" },
  });
  const circle: { method: string; self?: unknown } = { method: "custom" };
  circle.self = circle;
  expect(decodeWidgetEvent({ ...event, data: circle as never })).toBeNull();
  expect(decodeWidgetEvent({ ...event, data: { method: "custom", n: 1n as never } })).toBeNull();
});

test("an order has a kind", () => {
  expect(decodeWidgetOrder({ kind: "end" })).toEqual({ kind: "end" });
  expect(decodeWidgetOrder({})).toBeNull();
  expect(decodeWidgetOrder(undefined)).toBeNull();
});
