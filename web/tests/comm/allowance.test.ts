import { expect, test } from "vitest";

import { Allowance } from "../../src/comm/allowance";

test("there is room for a number of requests, and of bytes, and again when one is over", () => {
  const allowance = new Allowance({ count: 2, bytes: 10 });
  expect(allowance.take(11)).toBe(false);
  expect(allowance.take(6)).toBe(true);
  expect(allowance.take(5)).toBe(false);
  expect(allowance.take(4)).toBe(true);
  expect(allowance.take(0)).toBe(false);
  allowance.give(6);
  expect(allowance.take(6)).toBe(true);
});
