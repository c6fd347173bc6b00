import { expect, test } from "vitest";

import type { CellPlan } from "../../src/cell/plan";
import { columnsIn, heightOf } from "../../src/cell/reserved";
import { planFor } from "./plans";

const element = document.createElement("div");
const height = (wishes: Partial<CellPlan>, columns = Infinity) =>
  heightOf(planFor(element, wishes), columns);
const lines = (count: number, bar = 3) =>
  `calc(min(70vh, ${count * 1.40625 + 1.4}em) + 2px + ${bar}em)`;

test.each([
  ["a short program, in an editor of four lines", { code: "1" }, lines(4)],
  ["a long one", { code: "1\n".repeat(9) }, lines(10)],
  ["one that is only read", { code: "1", editor: "codemirror-readonly" }, lines(1)],
  ["no editor", { hide: new Set(["editor"]) }, "3em"],
  ["no button", { hide: new Set(["evalButton", "permalink", "fullScreen"]) }, lines(4, 0)],
  ["a link alone", { hide: new Set(["evalButton", "fullScreen"]) }, lines(4, 2.75)],
  ["a closed fold", { collapse: true }, "4.8em"],
  ["an open fold", { collapse: false }, lines(4, 4.8)],
] as const)("%s", (_name, wishes, expected) => {
  expect(height(wishes)).toBe(expected);
});

test("lines that are too long take several", () => {
  expect(height({ code: `${"x".repeat(21)}\n\n1\n2` }, 10)).toBe(lines(6));
});

test("columns follow the width and the size of the text; without a layout there is no end to them", () => {
  expect(columnsIn(element)).toBe(Infinity);
  const wide = document.createElement("div");
  wide.style.fontSize = "20px";
  Object.defineProperty(wide, "clientWidth", { value: 400 });
  document.body.append(wide);
  expect(columnsIn(wide)).toBe(29);
  wide.remove();
});
