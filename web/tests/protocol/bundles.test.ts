import { expect, test } from "vitest";

import { bundleIn, joinedText, plainText, sizeOf } from "../../src/protocol/bundles";
import { heard } from "../fakes";

test.each(["display_data", "execute_result", "update_display_data"])("%s has a bundle", (type) => {
  expect(bundleIn(heard(type, { data: { "text/plain": "a" } }))).toEqual({ "text/plain": "a" });
});

test.each(["stream", "comm_msg", "comm_open", "x"])("%s has none", (type) => {
  expect(bundleIn(heard(type, { data: { "text/plain": "a" } }))).toBeNull();
});

test("the plain text is a string or empty", () => {
  expect(plainText({ "text/plain": "a" })).toBe("a");
  expect([plainText({}), plainText({ "text/plain": ["a"] })]).toEqual(["", ""]);
});

test.each([
  [
    { width: 3, height: 4 },
    { width: 3, height: 4 },
  ],
  [{ width: "3", height: 0 }, {}],
  [7, {}],
])("the size in %j", (metadata, size) => {
  expect(sizeOf({ "image/png": metadata }, "image/png")).toEqual(size);
});

test.each([
  ["a", "a"],
  [["a\n", "b"], "a\nb"],
  [["a", 7], ""],
  [{}, ""],
  [null, ""],
])("the text of %j", (value, text) => {
  expect(joinedText(value)).toBe(text);
});
