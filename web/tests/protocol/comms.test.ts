import { expect, test } from "vitest";

import { figureId, figureMessage, filenameIn } from "../../src/protocol/comms";

test.each([
  [{ filename: "a.png" }, "a.png"],
  [{ filename: 7 }, ""],
  [{}, ""],
  [null, ""],
  [["a.png"], ""],
  ["a.png", ""],
])("the file in %j is %j", (data, name) => {
  expect(filenameIn(data)).toBe(name);
});

test("the id of a figure may be missing", () => {
  expect([figureId({ id: "f" }), figureId({ id: 7 }), figureId({})]).toEqual(["f", "", ""]);
});

test.each([
  [{ data: "draw" }, "draw"],
  [{ data: null }, null],
  [{ other: 1 }, { other: 1 }],
  ["draw", "draw"],
  [null, null],
])("the message to a figure for %j", (data, message) => {
  expect(figureMessage(data)).toEqual(message);
});
