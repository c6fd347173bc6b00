import { expect, test } from "vitest";

import { decodeRefusal } from "../../../src/protocol/admin/refusal";

test("the sentence of a refusal", () => {
  expect(decodeRefusal('{"error": "wrong_token", "message": "No."}')).toBe("No.");
  expect(["<html>", "[]", '{"message": 1}'].map(decodeRefusal)).toEqual(["", "", ""]);
});
