import { beforeEach, expect, test } from "vitest";

import { Latest } from "../../src/interact/coalesce";
import { KernelGone } from "../../src/protocol/ask";
import { reports, settled } from "../fakes";

let value: number;
let runs: {
  readonly sent: number;
  readonly done: () => void;
  readonly fail: (error: Error) => void;
}[];
let lost: number;
let latest: Latest;

beforeEach(() => {
  value = 0;
  runs = [];
  lost = 0;
  latest = new Latest({
    run: () =>
      new Promise((resolve, reject) => {
        runs.push({ sent: value, done: resolve, fail: reject });
      }),
    onLost: () => (lost += 1),
  });
});

async function ask(next: number): Promise<void> {
  value = next;
  latest.ask();
  await settled();
}

test("the first value goes at once", async () => {
  await ask(1);
  expect(runs.map(({ sent }) => sent)).toEqual([1]);
  expect(latest.queued).toBe(1);
});

// contract: 4.2
test("at most one run is in flight and one waits, with the newest value", async () => {
  let most = 0;
  for (let next = 1; next <= 600; next += 1) {
    await ask(next);
    most = Math.max(most, latest.queued);
  }
  expect(most).toBe(2);
  runs[0]!.done();
  await settled();
  expect(runs.map(({ sent }) => sent)).toEqual([1, 600]);
  runs[1]!.done();
  await settled();
  expect(runs).toHaveLength(2);
  expect(latest.queued).toBe(0);
});

test("it continues after a pause", async () => {
  await ask(1);
  runs[0]!.done();
  await settled();
  await ask(2);
  expect(runs.map(({ sent }) => sent)).toEqual([1, 2]);
});

test("the kernel's end is reported once, and ends all requests", async () => {
  await ask(1);
  await ask(2);
  runs[0]!.fail(new KernelGone());
  await settled();
  await ask(3);
  expect(lost).toBe(1);
  expect(runs).toHaveLength(1);
  expect(latest.queued).toBe(0);
});

test("after the end it sends nothing, and failures are ignored", async () => {
  await ask(1);
  await ask(2);
  latest.end();
  runs[0]!.fail(new KernelGone());
  await settled();
  expect(lost).toBe(0);
  expect(runs).toHaveLength(1);
});

test("an exception is reported, and the next value is sent", async () => {
  const reported = reports();
  await ask(1);
  await ask(2);
  runs[0]!.fail(new Error("a mistake"));
  await settled();
  expect(runs.map(({ sent }) => sent)).toEqual([1, 2]);
  expect(lost).toBe(0);
  expect(reported()).toMatchObject([[expect.anything(), { message: "a mistake" }]]);
});
