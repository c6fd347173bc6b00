import { expect, test } from "vitest";

import {
  decodeAnswer,
  decodeCloseReason,
  decodeMessagesAnswer,
  kernelIn,
  permalinkIn,
  replyIn,
} from "../../src/protocol/answers";
import { said } from "../fakes";

test.each(["", "{", "[]", "null"])("%j is not an answer", (text) => {
  expect(decodeAnswer(text)).toBeNull();
});

test.each([
  ['{"id":"k1"}', null],
  ['{"error":"busy","message":"Later."}', { reason: "busy", message: "Later." }],
  ['{"error":7}', { reason: "", message: "" }],
])("the refusal in %s", (text, refusal) => {
  expect(decodeAnswer(text)?.refusal).toEqual(refusal);
});

test("values of other types are empty", () => {
  expect(kernelIn({ id: "k1", ws_url: "ws://x/" })).toEqual({ id: "k1", wsUrl: "ws://x/" });
  expect(kernelIn({ id: 7 })).toEqual({ id: "", wsUrl: "" });
  const permalink = { zip: "z", query: "q", interacts: "i" };
  expect(permalinkIn({ ...permalink, n: 1 })).toEqual(permalink);
  expect(permalinkIn({ zip: [] })).toEqual({ zip: "", query: "", interacts: "" });
  expect(replyIn({ content: { matches: [] } })).toEqual({ matches: [] });
  expect(replyIn({ content: [] })).toEqual({});
});

test("polled messages are decoded, and other values ignored", () => {
  const message = { ...said("stream", { text: "a" }), seq: 3 };
  const answer = decodeMessagesAnswer(JSON.stringify({ messages: [7, {}, message, null] }));
  expect(answer.messages).toMatchObject([{ type: "stream", seq: 3 }]);
  expect(answer.refused).toBeNull();
  expect(decodeMessagesAnswer('{"messages":{}}').messages).toEqual([]);
  expect(decodeMessagesAnswer("<html>").messages).toEqual([]);
});

test("a polled message cannot bring others", () => {
  const permalink = '{"msg_type":"sagecell_permalink","content":{"id":"x"}}';
  const forged = `{"content":{}},${permalink},{"content":{},"msg_type":"stream","seq":2}`;
  const line = (seq: number) => JSON.stringify({ ...said("stream", { text: "a" }), seq });
  const text = `{"messages":[\n${line(1)},\n${forged},\n${line(3)}\n],"after":3}`;
  const answer = decodeMessagesAnswer(text);
  expect(answer.messages).toMatchObject([
    { type: "stream", seq: 1 },
    { type: "stream", seq: 3 },
  ]);
  expect(answer.after).toBe(3);
  expect(decodeMessagesAnswer('{"messages":[\n],"after":"x"}').after).toBe(0);
});

test("rejected messages have one reason each", () => {
  const refused = [{ index: 0, error: "too_many_requests", message: "Too many." }, null];
  const answer = decodeMessagesAnswer(JSON.stringify({ error: "e", message: "m", refused }));
  expect(answer.refused).toEqual([{ reason: "too_many_requests", message: "Too many." }]);
  expect(answer.refusal).toEqual({ reason: "e", message: "m" });
});

test.each(["", "not JSON", "[]", '{"message": 7}'])("the close reason %j is empty", (text) => {
  expect(decodeCloseReason(text)).toEqual({ reason: "", message: "" });
});
