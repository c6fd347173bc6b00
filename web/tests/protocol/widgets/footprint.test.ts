import { expect, test } from "vitest";

import type { Json } from "../../../src/protocol/json";
import { footprintOf } from "../../../src/protocol/widgets/footprint";

const nested = (depth: number) => JSON.parse("[".repeat(depth) + "]".repeat(depth)) as Json;

test("texts and names count with their characters, and each value with 16", () => {
  expect(footprintOf(null, 100)).toBe(16);
  expect(footprintOf("abc", 100)).toBe(19);
  expect(footprintOf({ ab: [1, "c"], __proto__: {} }, 1000)).toBe(4 * 16 + 2 + 1);
  expect(footprintOf(JSON.parse('{"__proto__": "x"}') as Json, 100)).toBe(2 * 16 + 9 + 1);
});

test("what is larger than asked for, or nested too deeply, is infinite", () => {
  expect(footprintOf("x".repeat(84), 100)).toBe(100);
  expect(footprintOf("x".repeat(85), 100)).toBe(Infinity);
  expect(footprintOf(nested(500), 1e9)).toBe(500 * 16);
  expect(footprintOf(nested(501), 1e9)).toBe(Infinity);
  expect(footprintOf(nested(1_000_000), 1e9)).toBe(Infinity);
});

test("of what is much too large only a part is looked at", () => {
  let looked = 0;
  const large = new Proxy(new Array<Json>(1_000_000).fill(0), {
    get: (array, name) => {
      looked += 1;
      return Reflect.get(array, name) as Json;
    },
  });
  expect(footprintOf(large, 160)).toBe(Infinity);
  expect(looked).toBeLessThan(100);
});
