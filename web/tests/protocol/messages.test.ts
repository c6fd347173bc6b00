import { expect, test } from "vitest";

import {
  asksForPermalink,
  executeRequest,
  inputReply,
  interruptRequest,
} from "../../src/protocol/messages";

const BY = { msgId: "m1", session: "s1", date: new Date("2026-01-02T03:04:05.678Z") };

test("an execute_request has all keys of Jupyter messages and of its type", () => {
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

test("an execute_request may ask for a permalink", () => {
  expect(executeRequest("1", "python", BY, {}).metadata).toEqual({
    language: "python",
    sagecell: { permalink: true },
  });
  const wish = { code: "plot(1)", interacts: '[{"n":3}]' };
  expect(executeRequest("print(r.eval(...))", "r", BY, wish).metadata).toEqual({
    language: "r",
    sagecell: { permalink: true, ...wish },
  });
  expect(asksForPermalink(executeRequest("1", "python", BY, {}))).toBe(true);
});

test("an execute_request may ask to wait for the program's threads and processes", () => {
  const waiting = executeRequest("print(1)", "python", BY, null, true);
  expect(waiting.metadata).toEqual({ language: "python", sagecell: { wait: true } });
  expect(asksForPermalink(waiting)).toBe(false);
  expect(executeRequest("print(1)", "python", BY, {}, true).metadata["sagecell"]).toEqual({
    permalink: true,
    wait: true,
  });
});

test("an interrupt_request is for the control channel", () => {
  const message = interruptRequest(BY);
  expect(message.channel).toBe("control");
  expect(message.header["msg_type"]).toBe("interrupt_request");
  expect(message.content).toEqual({});
});

test("a program may ask where its questions are answered, on the stdin channel", () => {
  expect(executeRequest("1", "python", BY, null, false, true).content["allow_stdin"]).toBe(true);
  expect(inputReply("Ada", BY)).toMatchObject({
    msg_type: "input_reply",
    channel: "stdin",
    content: { value: "Ada" },
  });
});
