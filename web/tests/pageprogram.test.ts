import { expect, test } from "vitest";

import { decodePage } from "../src/pageprogram";

test("the page's program has all parts", () => {
  const empty = { code: "", language: "", interacts: "", autoeval: false, permalink: "" };
  expect(decodePage("")).toEqual(empty);
  const program = { code: "1", language: "r", interacts: "[]", autoeval: true, permalink: "q" };
  expect(decodePage(JSON.stringify(program))).toEqual(program);
  expect(decodePage('{"code":1,"autoeval":"yes"}')).toEqual(empty);
});
