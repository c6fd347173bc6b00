import { expect, test } from "vitest";

import { Cursor } from "../../../src/output/text/cursor";

test("reads across chunks, up to the given length", () => {
  const chunks = ["abc", "", "defg", "h"];
  const cursor = new Cursor();
  expect(cursor.read(chunks, 2)).toBe("ab");
  expect(cursor.read(chunks, 4)).toBe("cdef");
  expect(cursor.isAtEnd(chunks)).toBe(false);
  expect(cursor.read(chunks, 100)).toBe("gh");
  expect(cursor.isAtEnd(chunks)).toBe(true);
  expect(cursor.read(chunks, 100)).toBe("");
});

test("continues when chunks are added", () => {
  const chunks = ["a"];
  const cursor = new Cursor();
  cursor.read(chunks, 10);
  chunks.push("b");
  expect(cursor.isAtEnd(chunks)).toBe(false);
  expect(cursor.read(chunks, 10)).toBe("b");
});

test("never splits a surrogate pair", () => {
  const cursor = new Cursor();
  expect(cursor.read(["a😀b"], 2)).toBe("a😀");
  expect(cursor.read(["a😀b"], 2)).toBe("b");
});
