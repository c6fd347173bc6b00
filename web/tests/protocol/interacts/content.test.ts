import { expect, test } from "vitest";

import { decodeInteract, decodeSaved, decodeSingle } from "../../../src/protocol/interacts/content";
import type { JsonObject } from "../../../src/protocol/messages";

test("an interact has its controls in order", () => {
  const controls = { n: { control_type: "slider" }, none: 7, "2": { control_type: "checkbox" } };
  const locations = { n: "#here", m: 7 };
  expect(decodeInteract({ controls, layout: [["n"]], locations, readonly: true })).toEqual({
    controls: Object.entries(controls).filter(([name]) => name !== "none"),
    rows: [[{ name: "n", share: 1 }]],
    locations: new Map([
      ["n", "#here"],
      ["m", ""],
    ]),
    isReadonly: true,
  });
});

test("an interact has 1000 controls at most", () => {
  const named = Array.from({ length: 2000 }, (_, at) => [`n${at}`, {}] as const);
  expect(decodeInteract({ controls: Object.fromEntries(named) }).controls).toHaveLength(1000);
});

test("parts of wrong types are empty", () => {
  const nothing = { controls: [], rows: [], locations: new Map(), isReadonly: false };
  const content = { controls: [], layout: 7, locations: null, readonly: "yes" };
  expect([decodeInteract({}), decodeInteract(content)]).toEqual([nothing, nothing]);
});

test.each<[string, JsonObject, JsonObject | null]>([
  ["OutputRegion", {}, null],
  [
    "Slider",
    { min: 1, max: 3, step: 0.5, value: 2 },
    {
      label: "x",
      default: 2,
      control_type: "slider",
      subtype: "continuous",
      range: [1, 3],
      step: 0.5,
    },
  ],
  [
    "Slider",
    {},
    {
      label: "x",
      default: null,
      control_type: "slider",
      subtype: "continuous",
      range: [0, 1],
      step: 0,
    },
  ],
  [
    "ExpressionBox",
    { value: "a" },
    { label: "x", default: "a", control_type: "input_box", subtype: "input" },
  ],
  ["Checkbox", { value: true }, { label: "x", default: true, control_type: "checkbox" }],
  ["Other", {}, { label: "x", default: null, control_type: "Other" }],
])("a control of kind %s is described as in an interact", (kind, more, description) => {
  const content = { control_id: "c", namespace: "s", variable: ["x", 7], label: "x" };
  expect(decodeSingle({ ...content, control_type: kind, ...more })).toEqual({
    id: "c",
    namespace: "s",
    variables: ["x"],
    description,
  });
});

test("the state in a link may have any shape", () => {
  const bookmarks = [{ name: "a", values: { n: 1 } }, null, 5, { name: "b" }, { values: {} }];
  expect(decodeSaved({ state: { n: 2 }, bookmarks })).toEqual({
    state: { n: 2 },
    bookmarks: [
      { name: "a", values: { n: 1 } },
      { name: "", values: {} },
    ],
  });
  expect(decodeSaved({ state: [1], bookmarks: "none" })).toEqual({ state: {}, bookmarks: [] });
});
