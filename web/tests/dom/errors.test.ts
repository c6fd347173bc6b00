import { expect, test } from "vitest";

import { guarded, report } from "../../src/dom/errors";
import { reports } from "../fakes";

test("a report is in the console, with its context", () => {
  const reported = reports();
  const error = new Error("a mistake");
  report(error, "drawing");
  expect(reported()).toEqual([["sagecell-tx: error while drawing:", error]]);
});

test("a result is returned, and nothing is reported", () => {
  const reported = reports();
  expect(guarded("adding", () => 1 + 1)).toBe(2);
  expect(reported()).toEqual([]);
});

test("an exception gives undefined, and is reported", () => {
  const reported = reports();
  const error = new Error("a mistake");
  const given = guarded("adding", (): number => {
    throw error;
  });
  expect(given).toBeUndefined();
  expect(reported()).toEqual([["sagecell-tx: error while adding:", error]]);
});
