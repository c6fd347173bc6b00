import { beforeEach, expect, test } from "vitest";

import type { CommPlace } from "../../src/comm/registry";
import { Widgets } from "../../src/comm/widgets";
import { harmless } from "../../src/output/policy";
import { KernelGone, Refused } from "../../src/protocol/ask";
import type { JsonObject, MessageOf } from "../../src/protocol/messages";
import type { WidgetOrder } from "../../src/protocol/widgets/orders";
import { heard, reports, settled } from "../fakes";

interface Asked {
  readonly type: string;
  readonly content: JsonObject;
  readonly buffers: readonly ArrayBuffer[];
  readonly answer: () => void;
  readonly fail: (error: Error) => void;
}

let widgets: Widgets;
let asked: Asked[];
let said: string[];
let place: CommPlace;

beforeEach(() => {
  asked = [];
  said = [];
  widgets = new Widgets({
    request: (type, content, sent, buffers = []) => {
      const id = `event-${asked.length + 1}`;
      return new Promise((resolve, reject) => {
        asked.push({ type, content, buffers, answer: () => resolve({}), fail: reject });
        sent?.(id);
      });
    },
  });
  place = {
    showing: harmless({ fileAddress: () => null }),
    output: {
      append: ({ type, content }) => said.push(type === "stream" ? content.text : type),
      flush: () => said.push("flush"),
    },
  };
});

const opens = (id: string, state: JsonObject = {}) =>
  widgets.handle(
    heard("comm_open", { comm_id: id, target_name: "jupyter.widget", data: { state } }, "r"),
  );
const changes = (id: string, method: string, state: JsonObject, parent = "r") =>
  widgets.handle(heard("comm_msg", { comm_id: id, data: { method, state } }, parent));
const prints = (text: string, parent: string) =>
  widgets.handle(heard("stream", { name: "stdout", text }, parent));
const idle = (parent: string) =>
  widgets.handle(heard("status", { execution_state: "idle" }, parent));

function frame() {
  const told: WidgetOrder[] = [];
  const connection = widgets.source(() => place).connect((order) => told.push(order));
  const send = (id: string, state: JsonObject, buffers: ArrayBuffer[] = []) =>
    connection.send({ sent: 7, id, data: { method: "update", state }, buffers });
  return { told, connection, send };
}

const DISPLAY = { data: {}, metadata: {}, transient: { display_id: "d" } };
const OUTPUT = { _model_module: "@jupyter-widgets/output", msg_id: "", outputs: [] };

test("a frame hears of all models, of those before it too, and of what changes", () => {
  expect(opens("m", { value: 1 })).toBe(true);
  expect(changes("m", "update", { value: 2 })).toBe(true);
  const { told } = frame();
  opens("n");
  changes("n", "update", { value: 5 });
  widgets.handle(heard("comm_close", { comm_id: "m" }));
  expect(told).toMatchObject([
    { kind: "open", id: "m", state: { value: 2 } },
    { kind: "complete" },
    { kind: "open", id: "n" },
    { kind: "message", id: "n", data: { state: { value: 5 } }, answers: null },
    { kind: "close", id: "m" },
  ]);
  expect(asked).toEqual([]);
});

test("messages of other comms are not its own", () => {
  const other = { comm_id: "c", target_name: "matplotlib", data: {} };
  expect(widgets.handle(heard("comm_open", other))).toBe(false);
  expect(changes("c", "update", {})).toBe(false);
  expect(widgets.handle(heard("comm_close", { comm_id: "c" }))).toBe(false);
  expect(prints("x", "r")).toBe(false);
});

test("an event goes to the kernel with its bytes; its answer and end to the frame", async () => {
  opens("m");
  const one = frame();
  const other = frame();
  const bytes = new ArrayBuffer(3);
  one.send("m", { value: 2 }, [bytes]);
  expect(asked[0]).toMatchObject({
    type: "comm_msg",
    content: { comm_id: "m", data: { method: "update", state: { value: 2 } } },
    buffers: [bytes],
  });
  changes("m", "echo_update", { value: 2 }, "event-1");
  expect(one.told.at(-1)).toMatchObject({ kind: "message", answers: 7 });
  expect(other.told.at(-1)).toMatchObject({ kind: "message", answers: null });
  asked[0]!.answer();
  await settled();
  expect(one.told.at(-1)).toEqual({ kind: "done", sent: 7 });
  expect(other.told.at(-1)).toMatchObject({ kind: "message" });
});

test("output of an event is shown in the cell of its frame", async () => {
  opens("m");
  frame().send("m", { value: 2 });
  expect(prints("x", "event-1")).toBe(true);
  expect(prints("y", "event-2")).toBe(false);
  asked[0]!.answer();
  await settled();
  expect(said).toEqual(["x", "flush"]);
});

test("another comm that an event opens is output of its cell", () => {
  opens("m");
  frame().send("m", {});
  const other = { comm_id: "c", target_name: "matplotlib", data: {} };
  expect(widgets.handle(heard("comm_open", other, "event-1"))).toBe(true);
  expect(said).toEqual(["comm_open"]);
});

test("a frame that comes later has what a frame changed, without its bytes", () => {
  opens("m", { value: 1 });
  frame().send("m", { value: 2 });
  frame().send("m", { value: 3 }, [new ArrayBuffer(1)]);
  expect(frame().told[0]).toMatchObject({ state: { value: 2 } });
});

test("an event of a model that is not there, or that is too long, is not sent", () => {
  opens("m");
  const { told, send } = frame();
  send("other", {});
  expect(told.at(-1)).toEqual({ kind: "done", sent: 7 });
  send("m", {}, [new ArrayBuffer(3_000_000)]);
  expect(told.at(-1)).toMatchObject({ kind: "refused", sent: 7 });
  send("m", { value: "数".repeat(1_400_000) }); // three bytes each
  expect(told.filter(({ kind }) => kind === "refused")).toHaveLength(2);
  expect(asked).toEqual([]);
});

test("captured output goes to the widget alone, and the kernel learns it in the end", async () => {
  opens("o", OUTPUT);
  const { told } = frame();
  changes("o", "update", { msg_id: "r" });
  expect(prints("x", "r")).toBe(true);
  changes("o", "update", { msg_id: "" });
  expect(prints("y", "r")).toBe(false);
  expect(told.filter(({ kind }) => kind === "output")).toMatchObject([{ ids: ["o"] }]);
  expect(idle("r")).toBe(false);
  const outputs = [{ output_type: "stream", name: "stdout", text: "x" }];
  expect(asked.map(({ content }) => content)).toEqual([
    { comm_id: "o", data: { method: "update", state: { outputs }, buffer_paths: [] } },
  ]);
  // What the kernel repeats of it is known.
  const before = told.length;
  expect(changes("o", "echo_update", { outputs }, "event-1")).toBe(true);
  expect(told).toHaveLength(before);
  asked[0]!.answer();
  await settled();
  idle("r");
  expect(asked).toHaveLength(1);
  expect(frame().told[0]).toMatchObject({ state: { outputs } });
});

test("a display in a widget is updated, whoever updates it", () => {
  const { told } = frame();
  for (const id of ["o", "p"]) {
    opens(id, OUTPUT);
    changes(id, "update", { msg_id: "r" });
    widgets.handle(heard("display_data", DISPLAY, "r"));
  }
  const before = told.length;
  widgets.update(heard("update_display_data", DISPLAY, "q") as MessageOf<"update_display_data">);
  expect(told.slice(before)).toMatchObject([{ kind: "output", ids: ["o", "p"] }]);
});

test("after the end frames are told, and send nothing; another kernel begins afresh", async () => {
  opens("m");
  const before = frame();
  const source = widgets.source(() => place);
  source.connect(() => undefined);
  before.send("m", { value: 1 });
  widgets.end();
  asked[0]!.fail(new KernelGone());
  await settled();
  expect(before.told.slice(2)).toEqual([{ kind: "end" }, { kind: "done", sent: 7 }]);
  before.send("m", { value: 2 });
  expect(asked).toHaveLength(1);
  expect(frame().told).toEqual([{ kind: "complete" }]);
  // Its frame may be lost, and is made again.
  const again: WidgetOrder[] = [];
  source.connect((order) => again.push(order));
  expect(again.map(({ kind }) => kind)).toEqual(["open", "complete", "end"]);
});

test("it is empty while no frame shows widgets", () => {
  opens("m");
  expect(widgets.isEmpty).toBe(true);
  const { connection, told } = frame();
  expect(widgets.isEmpty).toBe(false);
  connection.dispose();
  connection.dispose();
  expect(widgets.isEmpty).toBe(true);
  changes("m", "update", { value: 2 });
  expect(told).toHaveLength(2);
});

test("a model too many is closed", () => {
  for (let index = 0; index < 10_000; index += 1) opens(`m${index}`);
  expect(asked).toEqual([]);
  expect(opens("one too many")).toBe(true);
  expect(asked).toMatchObject([{ type: "comm_close", content: { comm_id: "one too many" } }]);
});

test("where the running cell shows no widgets, what they capture is output of the cell", () => {
  const { told, send } = frame(); // of another cell
  widgets.begin(false);
  opens("o", OUTPUT);
  changes("o", "update", { msg_id: "r" });
  expect(prints("x", "r")).toBe(false);
  expect(idle("r")).toBe(false);
  expect(asked).toEqual([]);
  send("o", {});
  changes("o", "update", { msg_id: "event-1" });
  expect(prints("y", "event-1")).toBe(true);
  expect(told.at(-1)).toMatchObject({ kind: "output", output: { text: "y" } });
  widgets.begin(true);
  changes("o", "update", { msg_id: "q" });
  expect(prints("z", "q")).toBe(true);
});

test("an event that the server refuses is refused, and nobody waits for it", async () => {
  const reported = reports();
  opens("m");
  const { told, send } = frame();
  send("m", { value: 1 });
  expect(widgets.handle(heard("error", { ename: "too_many_requests" }, "event-1"))).toBe(false);
  expect(said).toEqual([]);
  asked[0]!.fail(new Refused("Too many."));
  await settled();
  expect(told.slice(2)).toMatchObject([{ kind: "refused", sent: 7 }]);
  expect(reported()).toHaveLength(1);
});

test("a frame has a hundred events under way, and all frames five hundred", async () => {
  opens("m");
  const frames = Array.from({ length: 6 }, frame);
  for (const { send } of frames) for (let index = 0; index < 101; index += 1) send("m", { index });
  expect(asked).toHaveLength(500);
  const refused = frames.map(({ told }) => told.filter(({ kind }) => kind === "refused").length);
  expect(refused).toEqual([1, 1, 1, 1, 1, 101]);
  // Output of the first one is shown while it is under way.
  prints("x", "event-1");
  expect(said).toEqual(["x"]);
  for (const { answer } of asked) answer();
  await settled();
  for (const { told } of frames) {
    const ends = told.filter(({ kind }) => kind === "refused" || kind === "done");
    expect(ends).toHaveLength(101);
  }
  frames[5]!.send("m", {});
  expect(asked).toHaveLength(501);
});

test("a frame has eight million bytes under way", () => {
  opens("m");
  const one = frame();
  const other = frame();
  const send = ({ send }: ReturnType<typeof frame>) => send("m", {}, [new ArrayBuffer(2_500_000)]);
  for (let index = 0; index < 3; index += 1) send(one);
  expect(asked).toHaveLength(2);
  expect(one.told.at(-1)).toMatchObject({ kind: "refused" });
  send(other); // all frames have ten million
  expect(other.told.at(-1)).toMatchObject({ kind: "refused" });
});

test("a frame that is made again hears nothing of the events of the one before", async () => {
  opens("m");
  const { told, connection, send } = frame();
  send("m", {});
  connection.dispose();
  asked[0]!.answer();
  await settled();
  expect(told.map(({ kind }) => kind)).toEqual(["open", "complete"]);
});

test("a widget that becomes too large is closed, with a sentence; others go on", () => {
  opens("m");
  opens("n");
  const { told } = frame();
  const large = Object.fromEntries(["a", "b", "c"].map((name) => [name, "x".repeat(25_000_000)]));
  expect(changes("m", "update", large)).toBe(true);
  expect(told.at(-1)).toMatchObject({
    kind: "close",
    id: "m",
    sentence: expect.stringContaining("larger") as string,
  });
  expect(asked).toMatchObject([{ type: "comm_close", content: { comm_id: "m" } }]);
  changes("n", "update", { value: 1 });
  expect(told.at(-1)).toMatchObject({ kind: "message", id: "n" });
});

test("what no browser can copy reaches no frame", () => {
  const deep = JSON.parse("[".repeat(100_000) + "]".repeat(100_000)) as JsonObject[string];
  const { told } = frame();
  opens("m");
  widgets.handle(heard("comm_msg", { comm_id: "m", data: { method: "custom", content: deep } }));
  opens("n");
  const data = { state: {}, more: deep };
  widgets.handle(heard("comm_open", { comm_id: "d", target_name: "jupyter.widget", data }));
  expect(told.slice(1).map(({ kind }) => kind)).toEqual(["open", "close", "open"]);
});

test("of comms that are too many, the kernel is told of a hundred at a time", async () => {
  for (let index = 0; index < 10_000; index += 1) opens(`m${index}`);
  for (let index = 0; index < 1000; index += 1) opens(`n${index}`);
  expect(asked).toHaveLength(100);
  for (const { answer } of asked) answer();
  await settled();
  opens("again");
  expect(asked).toHaveLength(101);
});
