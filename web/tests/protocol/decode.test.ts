import { describe, expect, test } from "vitest";

import { decodeFrame, decodeMessage } from "../../src/protocol/decode";
import type { JsonObject, MessageOf } from "../../src/protocol/messages";
import { heard } from "../fakes";

describe("decodeFrame", () => {
  test("decodes the parts that the page uses", () => {
    const frame = JSON.stringify({
      header: { msg_type: "stream" },
      parent_header: { msg_id: "m1" },
      content: { name: "stdout", text: "hi" },
      channel: "iopub",
    });
    expect(decodeFrame(frame)).toEqual({
      type: "stream",
      parentId: "m1",
      channel: "iopub",
      content: { name: "stdout", text: "hi" },
      interactId: "",
    });
  });

  test.each([
    ["not JSON", "{"],
    ["no object", "[1]"],
    ["null", "null"],
    ["no type", '{"header": {}}'],
    ["a type of the wrong type", '{"msg_type": 7}'],
    ["a binary frame", new ArrayBuffer(3)],
  ])("is null for %s", (_name, frame) => {
    expect(decodeFrame(frame)).toBeNull();
  });

  test("is a sentence where the request is for a message that would take the page too long", () => {
    const deep = "[".repeat(1000) + "]".repeat(1000);
    const tail = '"msg_id":"m","msg_type":"display_data","channel":"iopub","seq":12}';
    const frame = (parent: string, content: string) =>
      `{"header":{"msg_id":"m"},"parent_header":${parent},"metadata":{},"content":${content},${tail}`;
    const said = decodeFrame(frame('{"msg_id":"r"}', deep));
    expect(said).toMatchObject({ type: "stream", parentId: "r", seq: 12, interactId: "" });
    expect(said?.content).toMatchObject({
      name: "stderr",
      text: expect.stringContaining("too complex") as string,
    });
    // What the kernel has made unreadable is nobody's.
    expect(decodeFrame(frame('{"msg_id":"r","more":{}}', deep))?.parentId).toBe("");
    expect(decodeFrame(frame("{]}", deep))?.parentId).toBe("");
    expect(decodeFrame(`[${deep}]`)).toMatchObject({ type: "stream", parentId: "" });
    expect(decodeFrame(`[${deep}]`)).not.toHaveProperty("seq");
  });

  test("reads parts of the wrong type as empty", () => {
    const message = decodeFrame('{"msg_type":"status","parent_header":null,"content":[1]}');
    expect(message).toEqual({
      type: "status",
      parentId: "",
      channel: "",
      content: { state: "", reason: "", message: "" },
      interactId: "",
    });
  });
});

test("the sequence number is a number or missing", () => {
  expect(decodeMessage({ msg_type: "status", seq: 7 })).toMatchObject({ seq: 7 });
  expect(decodeMessage({ msg_type: "status", seq: "7" })).not.toHaveProperty("seq");
});

test.each([[null], [7], ["status"], [[{ msg_type: "status" }]]])("%j is not a message", (value) => {
  expect(decodeMessage(value)).toBeNull();
});

const VALUE = { data: { "text/plain": "7" }, metadata: { "text/plain": {} } };

test.each<[string, JsonObject, object]>([
  ["stream", { name: "stderr", text: "a" }, { name: "stderr", text: "a" }],
  ["stream", { name: 7, text: ["a"] }, { name: "stdout", text: "" }],
  ["display_data", { ...VALUE, transient: { display_id: "d" } }, { ...VALUE, displayId: "d" }],
  ["execute_result", VALUE, { ...VALUE, displayId: "" }],
  ["update_display_data", { data: [] }, { data: {}, metadata: {}, displayId: "" }],
  [
    "error",
    { ename: "E", evalue: "e", traceback: ["a", 7, "b"] },
    { name: "E", value: "e", traceback: "a\nb" },
  ],
  [
    "error",
    { ename: "KeyError", evalue: "'x'" },
    { name: "KeyError", value: "'x'", traceback: "KeyError: 'x'" },
  ],
  ["error", {}, { name: "", value: "", traceback: "Error: " }],
  ["clear_output", { wait: true }, { wait: true }],
  ["clear_output", { wait: "yes" }, { wait: false }],
  [
    "status",
    { execution_state: "dead", reason: "cpu", message: "Too long." },
    { state: "dead", reason: "cpu", message: "Too long." },
  ],
  ["sagecell_warning", { reason: "idle", message: 7 }, { reason: "idle", message: "" }],
  ["sagecell_permalink", { id: "abc", address: "/?q=abc" }, { id: "abc" }],
  ["sagecell_permalink", { error: "store_full", message: "Full." }, { id: "" }],
  [
    "comm_open",
    { comm_id: "c", target_name: "t" },
    { id: "c", target: "t", data: {}, version: "", buffers: [] },
  ],
  ["comm_msg", { comm_id: "c", data: [1] }, { id: "c", data: [1], buffers: [] }],
  ["comm_msg", {}, { id: "", data: null, buffers: [] }],
  ["comm_close", { comm_id: 7 }, { id: "" }],
])("the content of %s %j", (type, content, decoded) => {
  expect(heard(type, content)).toMatchObject({ type });
  expect(heard(type, content).content).toEqual(decoded);
});

test.each([
  ["ok", "ok"],
  ["error", "error"],
  ["aborted", "error"],
  [7, "error"],
])("an execute_reply of status %j is %s", (status, decoded) => {
  expect(heard("execute_reply", { status }).content).toMatchObject({ status: decoded });
});

test.each([
  ["SystemExit", "3", 3],
  ["SystemExit", "255", 255],
  ["SystemExit", "no such file", null],
  ["SystemExit", "-1", null],
  ["SystemExit", "1000", null],
  ["SystemExit", 3, null],
  ["ValueError", "3", null],
])("an execute_reply with %s: %j has the exit status %j", (ename, evalue, exitStatus) => {
  const content = { status: "error", ename, evalue };
  expect(heard("execute_reply", content).content).toMatchObject({ exitStatus });
});

test.each([
  ["NameError", "name 'x' is not defined", "NameError: name 'x' is not defined"],
  ["AssertionError", "", "AssertionError"],
  ["ValueError", "\n first \n second", "ValueError: first"],
  ["E", "x".repeat(97), `E: ${"x".repeat(97)}`],
  ["E", "x".repeat(1_000_000), `E: ${"x".repeat(97)}…`],
  ["E".repeat(1000), 7, `${"E".repeat(100)}…`],
  [7, "words", ""],
])("an execute_reply with %j: %j has the fault %j", (ename, evalue, fault) => {
  const content = { status: "error", ename, evalue };
  expect(heard("execute_reply", content).content).toMatchObject({ fault });
});

test("an execute_reply has the files and pages of its payload, and ignores the rest", () => {
  const payload = [
    { source: "page", data: { "text/plain": "Help" } },
    { data: { "text/html": "<p>" } },
    { new_files: ["a", 7, "b"] },
    null,
    { new_files: "c" },
  ];
  expect(heard("execute_reply", { status: "ok", payload }).content).toEqual({
    status: "ok",
    exitStatus: null,
    fault: "",
    newFiles: ["a", "b"],
    pages: ["Help"],
  });
  expect(heard("execute_reply", { payload: 7 }).content).toMatchObject({ newFiles: [], pages: [] });
});

test("other replies keep their content; other messages keep only their type", () => {
  expect(heard("complete_reply", { matches: [] })).toMatchObject({
    type: "reply",
    content: { matches: [] },
  });
  for (const msgType of ["execute_input", "toString", "__proto__"]) {
    expect(heard(msgType, { a: 1 })).toMatchObject({ type: "other", content: { msgType } });
  }
});

test("output of an interact has its id", () => {
  expect(heard("stream", { text: "a" }, "r1", "i1")).toMatchObject({
    parentId: "r1",
    interactId: "i1",
  });
  expect(decodeMessage({ msg_type: "stream", metadata: 7 })).toMatchObject({ interactId: "" });
});

test("a question has a prompt, and may be for what nobody else is to read", () => {
  expect(heard("input_request", { prompt: "Name? ", password: false }).content).toEqual({
    prompt: "Name? ",
    isSecret: false,
  });
  expect(heard("input_request", { prompt: 3, password: true }).content).toEqual({
    prompt: "",
    isSecret: true,
  });
});

test("messages of comms have their buffers and the version of their protocol", () => {
  const message = { content: {}, metadata: { version: "2.1.0" }, buffers: ["AAEC", ""] };
  const opened = decodeMessage({ msg_type: "comm_open", ...message })!;
  const { version, buffers } = (opened as MessageOf<"comm_open">).content;
  expect(version).toBe("2.1.0");
  expect(buffers.map((each) => [...new Uint8Array(each)])).toEqual([[0, 1, 2], []]);
  expect(decodeMessage({ msg_type: "comm_msg", buffers: ["%"] })).toMatchObject({
    content: { buffers: [] },
  });
});
