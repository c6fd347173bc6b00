import { expect, test } from "vitest";

import { decodeProgram, encodeOutput, encodeProgram } from "../../src/protocol/kept";
import type { JsonObject } from "../../src/protocol/messages";
import { heard } from "../fakes";

const PROGRAM = { code: "x", language: "sage", kernelId: "k", saved: 7 };

test.each<[string, JsonObject]>([
  ["stream", { name: "stderr", text: "x" }],
  [
    "display_data",
    { data: { "text/html": "<b>" }, metadata: { a: 1 }, transient: { display_id: "d" } },
  ],
  ["execute_result", { data: { "text/plain": "1" } }],
  ["update_display_data", { data: {}, transient: { display_id: "d" } }],
  ["error", { traceback: ["a", "b"] }],
  ["execute_reply", { status: "error", payload: [{ new_files: ["a", "b"] }] }],
])("a %s is the same afterwards", (type, content) => {
  const { type: same, content: decoded } = heard(type, content);
  const output = [encodeOutput(heard(type, content))!];
  const program = decodeProgram(encodeProgram(PROGRAM, output));
  expect(program).toMatchObject({ ...PROGRAM, output: [{ type: same, content: decoded }] });
});

test.each(["status", "comm_open", "comm_msg", "sagecell_warning", "clear_output", "other"])(
  "a %s is not kept",
  (type) => expect(encodeOutput(heard(type, {}))).toBeNull(),
);

test.each(["\\ud800", "../x", "a/b", "x".repeat(65)])("%j is no kernel's id", (id) => {
  expect(decodeProgram(`{"code":"x","saved":7,"kernel":"${id}"}`)?.kernelId).toBe("");
});

test("parts of wrong types are empty", () => {
  const text =
    '{"code":"x","saved":7,"language":1,"kernel":[],"output":[1,{},{"msg_type":"stream"}]}';
  expect(decodeProgram(text)).toMatchObject({
    code: "x",
    language: "",
    kernelId: "",
    output: [{ type: "stream", content: { text: "" } }],
  });
});
