import { expect, test } from "vitest";

import {
  alternativeText,
  bundleIn,
  joinedText,
  plainText,
  sizeOf,
} from "../../src/protocol/bundles";
import type { JsonObject } from "../../src/protocol/messages";
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

test.each<[string | undefined, JsonObject, string | null]>([
  ["<Figure size 640x480 with 1 Axes>", { alt: "Plot: Fall" }, "Plot: Fall"],
  ["<IPython.core.display.Image object>", { alt: "A cat" }, "A cat"],
  ["<IPython.core.display.Image object>", { alt: "" }, ""],
  ["<IPython.core.display.Image object>", {}, null],
  [
    "Graphics object consisting of 1 graphics primitive",
    {},
    "Graphics object consisting of 1 graphics primitive",
  ],
  ["plot.png", { alt: 5 }, "plot.png"],
  [undefined, {}, null],
])("the alternative text for %j with %j", (plain, metadata, text) => {
  const data = plain === undefined ? {} : { "text/plain": plain };
  expect(alternativeText(data, { "image/png": metadata }, "image/png")).toBe(text);
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
