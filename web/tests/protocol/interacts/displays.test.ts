import { expect, test } from "vitest";

import { clearIn, eventIn, shownId, shownIn } from "../../../src/protocol/interacts/displays";
import type { JsonObject } from "../../../src/protocol/messages";

test.each([
  ["interact", "new_interact_id"],
  ["control", "control_id"],
])("an %s that is shown has an id", (kind, key) => {
  const type =
    kind === "interact" ? "application/sage-interact" : "application/sage-interact-control";
  const data = { [type]: { [key]: "i1", more: 1 }, "text/plain": "" };
  expect(shownIn(data)).toEqual({ kind, id: "i1", content: { [key]: "i1", more: 1 } });
  expect(shownId(data)).toBe("i1");
  for (const other of [{}, { [type]: { [key]: 7 } }, { [type]: "i1" }]) {
    expect([shownIn(other), shownId(other)]).toEqual([null, ""]);
  }
});

test.each<[string, JsonObject, object | null]>([
  ["update", { control: "n", value: 3 }, { kind: "update", id: "i", control: "n", value: 3 }],
  ["update", {}, { kind: "update", id: "i", control: null }],
  ["new-control", { name: "k" }, { kind: "new-control", id: "i", name: "k", description: {} }],
  ["del-control", { name: 7 }, { kind: "del-control", id: "i", name: "" }],
  ["bookmark", { values: { n: 1 } }, { kind: "bookmark", id: "i", name: "", values: { n: 1 } }],
  ["variable", { variable: "x" }, { kind: "variable", namespace: "", variable: "x", control: "" }],
  ["no-such-thing", {}, null],
])("the event in %s %j", (type, content, event) => {
  const told = { interact_id: "i", ...content };
  const data = { "text/plain": "", [`application/sage-interact-${type}`]: told };
  if (event === null) expect(eventIn(data)).toBeNull();
  else expect(eventIn(data)).toMatchObject(event);
});

test("an event without content has an empty id", () => {
  expect(eventIn({ "application/sage-interact-update": 7 })).toMatchObject({ id: "" });
  expect(eventIn({ "application/sage-interact-update": null })).toBeNull();
});

test.each([
  [{}, null],
  [{ "application/sage-clear": {} }, { changed: null }],
  [{ "application/sage-clear": { changed: ["n", 7] } }, { changed: ["n"] }],
  [{ "application/sage-clear": { changed: "n" } }, { changed: null }],
])("the output cleared by %j", (data, clear) => {
  expect(clearIn(data)).toEqual(clear);
});
