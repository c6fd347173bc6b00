import { expect, test } from "vitest";

import { objectAt, objectsAt, parseObject, textAt, textsAt } from "../../src/protocol/json";

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
