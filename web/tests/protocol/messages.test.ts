import { describe, expect, test } from "vitest";

import {
  executeRequest,
  interruptRequest,
  parseMessage,
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

describe("parseMessage", () => {
  test("finds what the page uses", () => {
    const frame = JSON.stringify({
      header: { msg_type: "stream" },
      parent_header: { msg_id: "m1" },
      content: { name: "stdout", text: "hi" },
      channel: "iopub",
    });
    expect(parseMessage(frame)).toEqual({
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
    expect(parseMessage(frame)).toBeNull();
  });

  test("reads parts of the wrong type as empty", () => {
    const message = parseMessage('{"msg_type":"status","parent_header":null,"content":[1]}');
    expect(message).toEqual({
      type: "status",
      parentId: "",
      channel: "",
      content: {},
      metadata: {},
    });
  });
});

test("textsAt passes over what is no string", () => {
  expect(textsAt({ names: ["a", 1, null, "b"] }, "names")).toEqual(["a", "b"]);
  expect(textsAt({ names: "a" }, "names")).toEqual([]);
});
