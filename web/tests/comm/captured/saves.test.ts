import { beforeEach, expect, test } from "vitest";

import { Saves } from "../../../src/comm/captured/saves";
import { KernelGone, Refused } from "../../../src/protocol/ask";
import type { JsonObject } from "../../../src/protocol/messages";
import { reports, settled } from "../../fakes";

let saves: Saves;
/** The models' text. */
let texts: Map<string, string>;
let sent: { id: string; text: string; answer: () => void; fail: (error: Error) => void }[];

beforeEach(() => {
  texts = new Map();
  sent = [];
  saves = new Saves({
    outputs: (id) => {
      const text = texts.get(id);
      return text === undefined ? null : [{ output_type: "stream", text }];
    },
    request: (_type, content, told) => {
      const { comm_id: id, data } = content as { comm_id: string; data: JsonObject };
      const { outputs } = data["state"] as { outputs: [{ text: string }] };
      told?.(`save-${sent.length + 1}`);
      return new Promise((resolve, reject) => {
        sent.push({ id, text: outputs[0].text, answer: () => resolve({}), fail: reject });
      });
    },
  });
});

const save = (id: string, text: string) => {
  texts.set(id, text);
  saves.add(id);
};
const ids = () => sent.map(({ id }) => id);

test("what changes while it is being saved is saved once more, as it is then", async () => {
  save("a", "1");
  save("a", "2");
  save("a", "3");
  expect(sent.map(({ text }) => text)).toEqual(["1"]);
  sent[0]!.answer();
  await settled();
  expect(sent.map(({ text }) => text)).toEqual(["1", "3"]);
  sent[1]!.answer();
  await settled();
  expect(sent).toHaveLength(2);
});

test("its own messages are known until the kernel has handled them", async () => {
  save("a", "1");
  expect(saves.has("save-1")).toBe(true);
  sent[0]!.answer();
  await settled();
  expect(saves.has("save-1")).toBe(false);
});

test("fifty are under way, and four million bytes; the others wait their turn", async () => {
  for (let index = 0; index < 60; index += 1) save(`m${index}`, "x");
  expect(sent).toHaveLength(50);
  for (const { answer } of sent.slice()) answer();
  await settled();
  expect(sent).toHaveLength(60);
  for (const { answer } of sent) answer();
  await settled();
  save("a", "x".repeat(3_000_000));
  save("b", "x".repeat(3_000_000));
  expect(ids().slice(60)).toEqual(["a"]);
  sent[60]!.answer();
  await settled();
  expect(ids().slice(60)).toEqual(["a", "b"]);
});

test("what is too long for a message, or gone, is not sent, and holds up nothing", () => {
  save("a", "x".repeat(3_900_000));
  saves.add("gone");
  save("b", "x");
  expect(ids()).toEqual(["b"]);
});

test("a refusal is reported, the end is not, and after it nothing is sent", async () => {
  const reported = reports();
  save("a", "x".repeat(3_000_000));
  save("b", "x".repeat(3_000_000));
  sent[0]!.fail(new Refused("Too many."));
  await settled();
  expect(reported()).toHaveLength(1);
  expect(ids()).toEqual(["a", "b"]);
  save("c", "x".repeat(3_000_000));
  saves.end();
  sent[1]!.fail(new KernelGone());
  await settled();
  expect(ids()).toEqual(["a", "b"]);
  expect(reported()).toHaveLength(1);
});
