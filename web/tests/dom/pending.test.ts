import { beforeEach, expect, test } from "vitest";

import { Pending } from "../../src/dom/pending";
import { reports } from "../fakes";

let pending: Pending<string>;
let done: string[];
beforeEach(() => {
  pending = new Pending("testing");
  done = [];
});

test("calls wait for the value, in order; later ones run at once", () => {
  pending.with((value) => done.push(`${value} 1`));
  pending.with((value) => done.push(`${value} 2`));
  expect([pending.value, done]).toEqual([null, []]);
  pending.resolve("it");
  pending.with((value) => done.push(`${value} 3`));
  expect(done).toEqual(["it 1", "it 2", "it 3"]);
  expect(pending.value).toBe("it");
});

test("a call that throws is reported, and the next runs", () => {
  const reported = reports();
  pending.with(() => {
    throw new Error("a mistake");
  });
  pending.with((value) => done.push(value));
  pending.resolve("it");
  expect(done).toEqual(["it"]);
  expect(reported()).toMatchObject([
    ["sagecell-tx: error while testing:", { message: "a mistake" }],
  ]);
});

test("after `fail`, calls are dropped", () => {
  pending.with((value) => done.push(value));
  pending.fail();
  pending.with((value) => done.push(value));
  pending.resolve("too late");
  expect(done).toEqual([]);
});
