import { beforeEach, expect, test } from "vitest";

import { Pending } from "../../src/dom/pending";
import { reports } from "../fakes";

let pending: Pending<string>;
let done: string[];
beforeEach(() => {
  pending = new Pending("testing");
  done = [];
});

test("what is to be done waits for the value, in order, and is done at once later", () => {
  pending.with((value) => done.push(`${value} 1`));
  pending.with((value) => done.push(`${value} 2`));
  expect([pending.value, done]).toEqual([null, []]);
  pending.resolve("it");
  pending.with((value) => done.push(`${value} 3`));
  expect(done).toEqual(["it 1", "it 2", "it 3"]);
  expect(pending.value).toBe("it");
});

test("what fails is reported, and the next is done", () => {
  const reported = reports();
  pending.with(() => {
    throw new Error("a mistake");
  });
  pending.with((value) => done.push(value));
  pending.resolve("it");
  expect(done).toEqual(["it"]);
  expect(reported()).toMatchObject([["sagecell-tx, testing:", { message: "a mistake" }]]);
});

test("when there will be no value, nothing is done and nothing is kept", () => {
  pending.with((value) => done.push(value));
  pending.fail();
  pending.with((value) => done.push(value));
  pending.resolve("too late");
  expect(done).toEqual([]);
});
