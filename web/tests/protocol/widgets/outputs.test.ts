import { expect, test } from "vitest";

import type { JsonObject } from "../../../src/protocol/messages";
import {
  addOutput,
  displayIdOf,
  heardClear,
  keptOutputs,
  messageOf,
  outputOf,
} from "../../../src/protocol/widgets/outputs";
import { heard } from "../../fakes";

const DATA = { data: { "text/plain": "1" }, metadata: {} };

test.each<[string, JsonObject]>([
  ["stream", { name: "stderr", text: "a" }],
  ["display_data", DATA],
  ["display_data", { ...DATA, transient: { display_id: "d" } }],
  ["execute_result", { ...DATA, execution_count: null }],
  ["error", { ename: "E", evalue: "e", traceback: ["a", "b"] }],
])("a message of type %s is kept as a notebook has it, and comes back", (type, content) => {
  const output = outputOf(heard(type, content));
  expect(output).toEqual({ output_type: type, ...content });
  expect(messageOf(output)).toMatchObject({ type, content: heard(type, content).content });
});

test.each([[null], ["a"], [{}], [{ output_type: "status" }], [{ output_type: "clear_output" }]])(
  "%j is no output",
  (output) => {
    expect(messageOf(output)).toBeNull();
  },
);

test("lines of a text are joined", () => {
  const message = messageOf({ output_type: "stream", name: "stdout", text: ["a\n", "b"] });
  expect(message).toMatchObject({ content: { text: "a\nb" } });
});

test("texts of one stream become one; others stay apart", () => {
  const outputs: JsonObject[] = [];
  const write = (name: string, text: string) =>
    addOutput(outputs, { output_type: "stream", name, text });
  write("stdout", "a");
  write("stdout", "b");
  write("stderr", "c");
  addOutput(outputs, { output_type: "display_data", ...DATA });
  write("stderr", "d");
  expect(outputs.map(({ text }) => text)).toEqual(["ab", "c", undefined, "d"]);
});

test("the lines of a text that is added to are joined", () => {
  const outputs: JsonObject[] = [];
  addOutput(outputs, { output_type: "stream", name: "stdout", text: ["a\n", "b"] });
  expect(addOutput(outputs, { output_type: "stream", name: "stdout", text: "c" })).toBe(outputs[0]);
  expect(outputs[0]).toMatchObject({ text: "a\nbc" });
});

test("the id for updates is not kept", () => {
  const display = outputOf(heard("display_data", { ...DATA, transient: { display_id: "d" } }))!;
  const kept = addOutput([], display);
  expect([displayIdOf(kept), displayIdOf(DATA)]).toEqual(["d", ""]);
  expect(keptOutputs([kept])).toEqual([{ output_type: "display_data", ...DATA }]);
});

test("clearing is a message", () => {
  expect(heardClear(true)).toMatchObject({ type: "clear_output", content: { wait: true } });
});
