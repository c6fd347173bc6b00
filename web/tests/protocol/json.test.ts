import { describe, expect, test } from "vitest";

import {
  isTooComplex,
  objectAt,
  objectsAt,
  parseObject,
  textAt,
  textsAt,
} from "../../src/protocol/json";

test.each(["", "{", "null", "7", "[{}]", '"{}"'])("%j is not an object", (text) => {
  expect(parseObject(text)).toBeNull();
});

test("an object is parsed", () => {
  expect(parseObject('{"a":[1]}')).toEqual({ a: [1] });
});

test("values of other types are missing", () => {
  const value = { object: { a: 1 }, list: [{ a: 1 }, 7, null, "b"], text: "c", nothing: null };
  expect(objectAt(value, "object")).toEqual({ a: 1 });
  for (const key of ["list", "text", "nothing", "none"]) expect(objectAt(value, key)).toEqual({});
  expect(objectsAt(value, "list")).toEqual([{ a: 1 }]);
  expect(objectsAt(value, "object")).toEqual([]);
  expect(textAt(value, "text")).toBe("c");
  expect(textAt(value, "list")).toBe("");
});

test("textsAt ignores all but strings", () => {
  expect(textsAt({ names: ["a", 1, null, "b"] }, "names")).toEqual(["a", "b"]);
  expect(textsAt({ names: "a" }, "names")).toEqual([]);
});

describe("a text is too complex to be parsed", () => {
  const items = (item: string, count: number) => `[${Array<string>(count).fill(item).join()}]`;

  test.each([
    ["arrays", "[]", 999_999],
    ["objects", "{}", 999_999],
    ["texts", '"a"', 999_999],
    ["names", '{"a":0}', 199_999],
    ["numbers", "0", 20_000_001],
  ])("with more than a number of %s", (_name, item, most) => {
    expect(isTooComplex(items(item, most))).toBe(false);
    expect(isTooComplex(items(item, most + 1))).toBe(true);
  });

  test("if it is nested deeper than 500", () => {
    const nested = (depth: number) => "[{}],".repeat(600) + "[".repeat(depth) + "]".repeat(depth);
    expect(isTooComplex(nested(500))).toBe(false);
    expect(isTooComplex(nested(501))).toBe(true);
  });

  test("but not if that is in its texts, with quotation marks in them", () => {
    const text = `{"code": ${JSON.stringify('[{"\\'.repeat(1_000_000))}, "path": "\\\\"}`;
    expect(isTooComplex(text)).toBe(false);
    expect(isTooComplex(`[${text},"${"[".repeat(501)}`)).toBe(false); // a text without an end
    expect(isTooComplex(`[${text},${"[".repeat(500)}`)).toBe(true);
  });
});
