import { expect, test } from "vitest";

import { guarded, report } from "../../src/dom/errors";
import { reports } from "../fakes";

test("what is reported is in the console, with what was being done", () => {
  const reported = reports();
  const error = new Error("a mistake");
  report(error, "drawing");
  expect(reported()).toEqual([["sagecell-tx, drawing:", error]]);
});

test("what goes well is passed on, and nothing is reported", () => {
  const reported = reports();
  expect(guarded("adding", () => 1 + 1)).toBe(2);
  expect(reported()).toEqual([]);
});

test("what throws gives nothing, and is reported", () => {
  const reported = reports();
  const error = new Error("a mistake");
  const given = guarded("adding", (): number => {
    throw error;
  });
  expect(given).toBeUndefined();
  expect(reported()).toEqual([["sagecell-tx, adding:", error]]);
});
