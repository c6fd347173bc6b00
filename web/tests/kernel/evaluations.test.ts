import { beforeEach, expect, test } from "vitest";

import { Evaluations } from "../../src/kernel/evaluations";
import type { JsonObject } from "../../src/protocol/messages";
import { heard, reports } from "../fakes";

const ONE = new Set(["r1"]);
const TWO = new Set(["r2", "r3"]);

let evaluations: Evaluations;
let told: string[];

/** Follows a run; what it is told is prefixed with its name. */
function follow(name: string, requests: ReadonlySet<string>): () => void {
  return evaluations.add(requests, {
    onOutput: ({ type }, isOwn) => told.push(`${name} ${type} ${String(isOwn)}`),
    onWarning: (sentence) => told.push(`${name} warned: ${sentence}`),
    onEnd: (sentence) => told.push(`${name} ended: ${sentence}`),
  });
}

const says = (
  type: string,
  content: JsonObject,
  parent: string,
  receiver?: ReadonlySet<string>,
): void => evaluations.heard(heard(type, content, parent), receiver);
const idleWarning = { reason: "idle", seconds: 60, message: "It is idle." };

beforeEach(() => {
  evaluations = new Evaluations();
  told = [];
});

test.each([
  ["stream", { name: "stdout", text: "late" }],
  ["display_data", { data: { "text/plain": "late" } }],
  ["execute_result", { data: { "text/plain": "late" } }],
  ["error", { ename: "E", evalue: "late", traceback: ["late"] }],
  ["clear_output", { wait: false }],
])("a late %s is told to the evaluation that caused it", (type, content) => {
  follow("one", ONE);
  follow("two", TWO);
  says(type, content, "r3");
  says(type, content, "r4");
  says(type, content, "");
  expect(told).toEqual([`two ${type} true`]);
});

test("what the run in turn has received is not told to it again", () => {
  follow("one", ONE);
  follow("two", TWO);
  const update = { data: {}, transient: { display_id: "k" } };
  says("stream", { name: "stdout", text: "a" }, "r1", ONE);
  says("update_display_data", update, "r1", ONE);
  says("sagecell_warning", idleWarning, "", ONE);
  expect(told).toEqual(["two update_display_data false", "two warned: It is idle."]);
});

test.each([
  ["status", { execution_state: "idle" }],
  ["execute_reply", { status: "ok" }],
  ["execute_input", { code: "1" }],
])("a late %s is told to none", (type, content) => {
  follow("one", ONE);
  says(type, content, "r1");
  expect(told).toEqual([]);
});

test("work withdraws a warning of idleness, and no other", () => {
  follow("one", ONE);
  says("sagecell_warning", { reason: "lifetime", message: "It is old." }, "");
  says("status", { execution_state: "busy" }, "x");
  says("sagecell_warning", idleWarning, "");
  says("status", { execution_state: "busy" }, "x");
  says("status", { execution_state: "busy" }, "x");
  expect(told).toEqual(["one warned: It is old.", "one warned: It is idle.", "one warned: "]);
});

test("the end is told once, and nothing after it", () => {
  follow("one", ONE);
  follow("two", TWO);
  evaluations.end("It is over.", TWO);
  evaluations.end("It is over.", undefined);
  says("stream", { name: "stdout", text: "late" }, "r1");
  expect(told).toEqual(["one ended: It is over."]);
});

test("nothing is told once the evaluation is no longer followed", () => {
  const unfollow = follow("one", ONE);
  unfollow();
  unfollow();
  says("stream", { name: "stdout", text: "late" }, "r1");
  evaluations.end("It is over.", undefined);
  expect(told).toEqual([]);
});

test("one that throws does not keep the others from being told", () => {
  const reported = reports();
  const fails = () => {
    throw new Error("a mistake");
  };
  evaluations.add(ONE, { onOutput: fails, onWarning: fails, onEnd: fails });
  follow("two", TWO);
  says("sagecell_warning", idleWarning, "");
  evaluations.end("It is over.", undefined);
  expect(told).toEqual(["two warned: It is idle.", "two ended: It is over."]);
  expect(reported()).toHaveLength(2);
});
