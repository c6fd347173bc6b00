import { expect, test } from "vitest";

import { decodeControl, labelOf, updates } from "../../../src/protocol/interacts/controls";
import type { JsonObject } from "../../../src/protocol/messages";

const NUMBERS = { least: 0, most: 1, step: "any", words: null };

test.each<[string, JsonObject, object]>([
  ["button", {}, { text: "", width: "" }],
  ["button_bar", { value_labels: ["a", 7] }, { labels: ["a", "7"], columns: null, width: "" }],
  ["checkbox", { default: "yes" }, { initial: false }],
  ["color_selector", {}, { initial: null, hasCode: true }],
  ["html_box", {}, { html: "" }],
  [
    "input_box",
    { width: -1, height: 1e9, default: [1] },
    { initial: "[1]", isLong: false, width: null, height: 200, atEachKey: false },
  ],
  ["input_grid", { nrows: 1e9, ncols: 1e9 }, { initial: [], rows: 2500, columns: 1, width: 4 }],
  ["multi_slider", { sliders: -1 }, { initial: [], scales: [NUMBERS], showsValues: true }],
  ["selector", {}, { looks: "radios", initial: 0, labels: [], columns: null, width: "" }],
  ["slider", {}, { initial: undefined, isRange: false, scale: NUMBERS, showsValue: true }],
])("any description of a %s is decoded: %j", (control_type, more, decoded) => {
  expect(decodeControl({ control_type, ...more })).toEqual({ kind: control_type, ...decoded });
});

test.each([
  [{}, ""],
  [{ control_type: 7 }, ""],
  [{ control_type: "__proto__" }, "__proto__"],
  [{ control_type: "\ud800" }, "\ufffd"],
])("%j has an unknown kind", (description, name) => {
  expect(decodeControl(description)).toEqual({ kind: "unknown", name });
});

test.each([
  ["continuous", { range: [9, 2], step: 0.5 }, { least: 2, most: 9, step: 0.5, words: null }],
  ["continuous", { range: ["a"], step: -1 }, NUMBERS],
  ["discrete", { values: ["a", 2] }, { least: 0, most: 1, step: 1, words: ["a", "2"] }],
  ["discrete_range", { values: 7 }, { least: 0, most: 0, step: 1, words: [] }],
])("the scale of a slider, %s %j", (subtype, more, scale) => {
  const description = { control_type: "slider", subtype, ...more };
  expect(decodeControl(description)).toMatchObject({ scale, isRange: subtype.endsWith("_range") });
});

test("each of several sliders has its own scale", () => {
  const description = { control_type: "multi_slider", sliders: 2, range: [[0, 5]], step: [1] };
  expect(decodeControl(description)).toMatchObject({
    scales: [
      { least: 0, most: 5, step: 1 },
      { least: 0, most: 1, step: "any" },
    ],
  });
});

test.each([
  [{}, null],
  [{ ncols: 2 }, 2],
  [{ nrows: 2 }, 2],
  [{ nrows: 3 }, 2],
  [{ ncols: 4 }, null],
  [{ ncols: 0 }, null],
  [{ nrows: 0 }, null],
])("four choices with %j are in %j columns", (more, columns) => {
  const description = { control_type: "selector", value_labels: ["a", "b", "c", "d"], ...more };
  expect(decodeControl(description)).toMatchObject({ columns });
});

test.each([
  [12, "12ch"],
  ["12", "12ch"],
  ["5em", "5em"],
  [0, ""],
  [null, ""],
])("the width %j is %j", (width, css) => {
  expect(decodeControl({ control_type: "button", width })).toMatchObject({ width: css });
});

test("every control has a label, and sends at once unless it says otherwise", () => {
  expect([labelOf({ label: "x" }), labelOf({ label: 7 })]).toEqual(["x", ""]);
  expect([updates({}), updates({ update: false })]).toEqual([true, false]);
});
