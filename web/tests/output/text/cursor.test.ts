import { expect, test } from "vitest";

import { Cursor } from "../../../src/output/text/cursor";

test("reads across chunks, no more than asked for", () => {
  const chunks = ["abc", "", "defg", "h"];
  const cursor = new Cursor();
  expect(cursor.read(chunks, 2)).toBe("ab");
  expect(cursor.read(chunks, 4)).toBe("cdef");
  expect(cursor.isAtEnd(chunks)).toBe(false);
  expect(cursor.read(chunks, 100)).toBe("gh");
  expect(cursor.isAtEnd(chunks)).toBe(true);
  expect(cursor.read(chunks, 100)).toBe("");
});

test("goes on when chunks are added", () => {
  const chunks = ["a"];
  const cursor = new Cursor();
  cursor.read(chunks, 10);
  chunks.push("b");
  expect(cursor.isAtEnd(chunks)).toBe(false);
  expect(cursor.read(chunks, 10)).toBe("b");
});

test("never parts a pair of surrogates", () => {
  const cursor = new Cursor();
  expect(cursor.read(["a😀b"], 2)).toBe("a😀");
  expect(cursor.read(["a😀b"], 2)).toBe("b");
});
