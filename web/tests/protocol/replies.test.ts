import { expect, test } from "vitest";

import { completeReply, inspectReply, newFiles, updateReply } from "../../src/protocol/replies";

test("newFiles finds the names in any payload and ignores the rest", () => {
  expect(
    newFiles({
      payload: [{ source: "page" }, { new_files: ["a", 7, "b"] }, null, { new_files: "c" }],
    }),
  ).toEqual(["a", "b"]);
  expect(newFiles({})).toEqual([]);
  expect(newFiles({ payload: { new_files: ["a"] } })).toEqual([]);
});

test.each([
  [{ status: "ok" }, ""],
  [{ status: "error", ename: "invalid_value", evalue: "Too large." }, "Too large."],
  [{ status: "error", ename: "unknown_control" }, "These values were refused."],
  [{ status: "error", ename: "ZeroDivisionError", evalue: "shown already" }, ""],
  [{ status: "ok", ename: "invalid_value" }, ""],
  [{ status: "error", ename: 7, evalue: 7 }, ""],
])("the refusal in %j", (reply, refusal) => {
  expect(updateReply(reply)).toEqual({ newFiles: [], refusal });
});

test("an update's files are listed", () => {
  expect(updateReply({ payload: [{ new_files: ["a"] }] }).newFiles).toEqual(["a"]);
});

test("a completion needs offsets", () => {
  const reply = { cursor_start: 1, cursor_end: 3, matches: ["print", 7] };
  expect(completeReply(reply)).toEqual({ matches: ["print"], start: 1, end: 3 });
  expect(completeReply({ ...reply, cursor_start: "1" })).toBeNull();
  expect(completeReply({ cursor_start: 1 })).toBeNull();
});

test("an explanation is plain text, or nothing", () => {
  expect(inspectReply({ data: { "text/plain": "len(obj)" } })).toBe("len(obj)");
  for (const reply of [{}, { data: [] }, { data: { "text/plain": 7 } }]) {
    expect(inspectReply(reply)).toBe("");
  }
});
