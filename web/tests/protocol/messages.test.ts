import { describe, expect, test } from "vitest";

import {
  decodeFrame,
  decodeMessage,
  executeRequest,
  interruptRequest,
  textsAt,
} from "../../src/protocol/messages";

const BY = { msgId: "m1", session: "s1", date: new Date("2026-01-02T03:04:05.678Z") };

test("an execute_request has all keys of a Jupyter message and of its kind", () => {
  expect(executeRequest("print(1)", "sage", BY)).toEqual({
    header: {
      msg_id: "m1",
      msg_type: "execute_request",
      session: "s1",
      username: "",
      date: "2026-01-02T03:04:05.678Z",
      version: "5.3",
    },
    msg_id: "m1",
    msg_type: "execute_request",
    parent_header: {},
    metadata: { language: "sage" },
    content: {
      code: "print(1)",
      silent: false,
      store_history: true,
      user_expressions: {},
      allow_stdin: false,
      stop_on_error: true,
    },
    channel: "shell",
  });
});

test("an interrupt_request goes over control", () => {
  const message = interruptRequest(BY);
  expect(message.channel).toBe("control");
  expect(message.header["msg_type"]).toBe("interrupt_request");
  expect(message.content).toEqual({});
});

describe("decodeFrame", () => {
  test("finds what the page uses", () => {
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
      metadata: {},
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

  test("reads parts of the wrong type as empty", () => {
    const message = decodeFrame('{"msg_type":"status","parent_header":null,"content":[1]}');
    expect(message).toEqual({
      type: "status",
      parentId: "",
      channel: "",
      content: {},
      metadata: {},
    });
  });
});

test("the server's number of a message is a number or not there", () => {
  expect(decodeMessage({ msg_type: "status", seq: 7 })).toMatchObject({ seq: 7 });
  expect(decodeMessage({ msg_type: "status", seq: "7" })).not.toHaveProperty("seq");
});

test.each([[null], [7], ["status"], [[{ msg_type: "status" }]]])("%j is no message", (value) => {
  expect(decodeMessage(value)).toBeNull();
});

test("textsAt passes over what is no string", () => {
  expect(textsAt({ names: ["a", 1, null, "b"] }, "names")).toEqual(["a", "b"]);
  expect(textsAt({ names: "a" }, "names")).toEqual([]);
});
