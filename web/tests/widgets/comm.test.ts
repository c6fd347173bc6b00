import { beforeEach, expect, test } from "vitest";

import type { WidgetEvent } from "../../src/protocol/widgets/orders";
import { type CommMessage, Events, FrameComm } from "../../src/widgets/comm";

let sent: WidgetEvent[];
let events: Events;
let comm: FrameComm;

beforeEach(() => {
  sent = [];
  events = new Events((event) => sent.push(event));
  comm = new FrameComm("m", events);
});

test("what a model sends goes to the page, with its bytes; it hears when that is handled", () => {
  const told: unknown[] = [];
  const callbacks = { iopub: { status: (message: unknown) => told.push(message) } };
  const bytes = Uint8Array.of(0, 1, 2, 3);
  const part = new DataView(bytes.buffer, 1, 2);
  const number = comm.send({ method: "update" }, callbacks, {}, [bytes.buffer, part]);
  expect(number).toBe("1");
  expect(sent).toMatchObject([{ sent: 1, id: "m", data: { method: "update" } }]);
  expect(sent[0]!.buffers.map((each) => [...new Uint8Array(each)])).toEqual([
    [0, 1, 2, 3],
    [1, 2],
  ]);
  expect(comm.send({ method: "update" })).toBe("2");
  expect(told).toEqual([]);
  events.done(1);
  events.done(1);
  events.done(2);
  events.done(3);
  expect(told).toEqual([{ content: { execution_state: "idle" } }]);
});

test("what is heard before there is a model waits for it", () => {
  const heard: CommMessage[] = [];
  comm.heard({ method: "update" }, [new ArrayBuffer(2)], "1");
  comm.on_msg((message) => heard.push(message));
  comm.heard({ method: "custom" }, [], "");
  expect(heard.map(({ content, parent_header }) => [content.data, parent_header.msg_id])).toEqual([
    [{ method: "update" }, "1"],
    [{ method: "custom" }, ""],
  ]);
  expect(heard[0]!.buffers[0]).toBeInstanceOf(DataView);
});

test("the kernel closes it, the page does not", () => {
  let closed = 0;
  comm.closed();
  comm.on_close(() => (closed += 1));
  comm.close();
  expect([closed, sent]).toEqual([0, []]);
  comm.closed();
  expect(closed).toBe(1);
  expect(() => comm.open()).toThrow("opened by its program");
});

test("nothing is sent after the end", () => {
  events.end();
  expect(comm.send({ method: "update" })).toBe("");
  expect(sent).toEqual([]);
});
