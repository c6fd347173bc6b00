import { expect, test } from "vitest";

import { Permalink } from "../../src/kernel/permalink";

const PROGRAM = { code: "1", language: "r", interacts: "[]" };

test("a permalink is that of one program, in its language, with its controls", () => {
  const permalink = new Permalink();
  expect(permalink.idOf(PROGRAM)).toBe("");
  permalink.stored(PROGRAM, "a");
  permalink.stored({ ...PROGRAM, code: "2" }, "");
  expect(permalink.idOf({ ...PROGRAM })).toBe("a");
  for (const other of [{ code: "2" }, { language: "sage" }, { interacts: "[{}]" }]) {
    expect(permalink.idOf({ ...PROGRAM, ...other })).toBe("");
  }
});

test("asks for what the request does not have already, unless there is a permalink", () => {
  const permalink = new Permalink();
  expect(permalink.wishFor(PROGRAM, "1")).toEqual({});
  expect(permalink.wishFor(PROGRAM, "r(1)")).toEqual({ code: "1" });
  const program = { ...PROGRAM, interacts: "[{}]" };
  expect(permalink.wishFor(program, "1")).toEqual({ interacts: "[{}]" });
  permalink.stored(program, "a");
  expect(permalink.wishFor(program, "1")).toBeNull();
});
