import { expect, test } from "vitest";

import { duration, known, ofLimit, size } from "../../src/admin/figures";

test("a time in one or two units", () => {
  expect([0, 59.9, 60, 3599, 3600, 7500, 86_400, 200_000].map(duration)).toEqual([
    "0 s",
    "59 s",
    "1 min",
    "59 min",
    "1 h 0 min",
    "2 h 5 min",
    "1 d 0 h",
    "2 d 7 h",
  ]);
});

test("a size in the largest unit", () => {
  expect([0, 999, 1024, 20_480, 1_500_000, 26_000_000_000].map(size)).toEqual([
    "0 B",
    "999 B",
    "1.0 kB",
    "20 kB",
    "1.4 MB",
    "24 GB",
  ]);
});

test("what is not known, and what has no limit", () => {
  expect(known(null, size)).toBe("–");
  expect(known(5, size)).toBe("5 B");
  expect([ofLimit(3, 60), ofLimit(3, 0)]).toEqual(["3 of 60", "3"]);
});
