import { beforeEach, expect, test } from "vitest";

import { Requests } from "../../src/kernel/requests";
import { KernelGone, Refused } from "../../src/protocol/ask";
import { decodeMessage } from "../../src/protocol/decode";
import type { JsonObject } from "../../src/protocol/messages";
import { heard, said, settled } from "../fakes";

let events: string[];
let requests: Requests;
beforeEach(() => {
  events = [];
  requests = new Requests(() => events.push("answered"));
});

const says = (type: string, content: JsonObject, parent: string) =>
  requests.handle(heard(type, content, parent));
const idle = (parent: string) => says("status", { execution_state: "idle" }, parent);
const ask = (id: string, type = "x_request") =>
  requests.answer(id, type).then(
    (reply) => events.push(`${id} ${JSON.stringify(reply)}`),
    (error: unknown) => {
      const words = error instanceof Refused ? error.message : String(error instanceof KernelGone);
      events.push(`${id} ${words}`);
    },
  );

test.each([
  ["reply, then idle", [0, 1]],
  ["idle, then reply", [1, 0]],
])("a request is answered by two messages in any order: %s", async (_name, order) => {
  void ask("r1");
  const messages = [() => says("x_reply", { a: 1 }, "r1"), () => idle("r1")];
  expect(order.map((one) => messages[one]!())).toEqual([true, true]);
  await settled();
  expect(events).toEqual(["answered", 'r1 {"a":1}']);
  expect(idle("r1")).toBe(false);
});

test("a comm's message has no reply", async () => {
  void ask("r1", "comm_msg");
  idle("r1");
  await settled();
  expect(events).toEqual(["answered", "r1 {}"]);
});

test("output and replies to unknown requests are not accepted", () => {
  void ask("r1");
  expect(says("x_reply", {}, "r2")).toBe(false);
  expect(says("x_reply", {}, "")).toBe(false);
  expect(says("stream", { text: "a" }, "r1")).toBe(false);
  expect(says("status", { execution_state: "busy" }, "r1")).toBe(false);
});

test("a request that the server refuses is over, and others may say so", async () => {
  void ask("r1", "comm_msg");
  const content = { ename: "too_many_requests", evalue: "Too many.", traceback: [] };
  // One with a number is the program's own.
  const own = decodeMessage({ ...said("error", content, "r1"), seq: 1 })!;
  expect(requests.handle(own)).toBe(false);
  expect(requests.areOpen).toBe(true);
  expect(says("error", content, "r1")).toBe(false);
  await settled();
  expect(events).toEqual(["answered", "r1 Too many."]);
  expect(requests.areOpen).toBe(false);
});

test("a request that the server has had before goes on", async () => {
  void ask("r1", "comm_msg");
  expect(says("error", { ename: "duplicate_msg_id", evalue: "Again." }, "r1")).toBe(true);
  idle("r1");
  await settled();
  expect(events).toEqual(["answered", "r1 {}"]);
});

test("the kernel's end rejects all requests", async () => {
  void ask("r1");
  void ask("r2");
  says("x_reply", {}, "r1");
  requests.end();
  requests.end();
  await settled();
  expect(events).toEqual(["r1 true", "r2 true"]);
  expect(idle("r1")).toBe(false);
});
