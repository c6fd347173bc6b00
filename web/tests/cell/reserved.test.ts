import { afterEach, expect, test } from "vitest";

import type { CellPlan } from "../../src/cell/plan";
import { heightOf, layoutAt, outputHeightOf } from "../../src/cell/reserved";
import { planFor } from "./plans";

const element = document.createElement("div");
const height = (wishes: Partial<CellPlan>, columns = Infinity) =>
  heightOf(planFor(element, wishes), columns);
const lines = (count: number, bar = 3) =>
  `calc(min(70vh, ${count * 1.40625 + 1.4}em) + 2px + ${bar}em)`;
const narrowLines = (count: number) => `calc(min(70vh, ${count * 1.5 + 1.4}em) + 2px + 3em)`;

afterEach(() => void (window.innerWidth = 1024));

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

test.each([
  ["a word", `${"x".repeat(21)}\n\n1\n2`, 6],
  ["words", "xxxxxx yyyyyy zzz\n\n1\n2", 5],
  ["a word behind a short one", `x ${"y".repeat(21)}\n\n1\n2`, 7],
  ["spaces", `${" ".repeat(11)}\n\n1\n2`, 5],
])("lines that are too long take several: %s", (_name, code, expected) => {
  expect(height({ code }, 10)).toBe(lines(expected));
});

test("columns follow the width and the size of the text; without a layout there is no end to them", () => {
  expect(layoutAt(element)).toEqual({ columns: Infinity, isNarrow: false });
  const wide = document.createElement("div");
  wide.style.fontSize = "20px";
  Object.defineProperty(wide, "clientWidth", { value: 400, configurable: true });
  document.body.append(wide);
  expect(layoutAt(wide)).toEqual({ columns: 28, isNarrow: false });
  Object.defineProperty(wide, "clientWidth", { value: 376 });
  window.innerWidth = 390;
  expect(layoutAt(wide)).toEqual({ columns: 26, isNarrow: true });
  wide.remove();
});

test("on a narrow page, the text is larger, but an editor is not", () => {
  expect(height({ code: "1", isNarrow: true })).toBe(lines(4));
  expect(height({ code: "1\n".repeat(9), isNarrow: true })).toBe(narrowLines(10));
});

test("on a narrow page, a cell that is evaluated has a line for the state", () => {
  const hide = new Set(["editor"]);
  expect(height({ hide, isNarrow: true })).toBe("3em");
  expect(height({ hide, isNarrow: true, autoeval: true })).toBe("4.93em");
});

test("only a cell that evaluates itself and shows its output has room for it", () => {
  const outputHeight = (wishes: Partial<CellPlan>) => outputHeightOf(planFor(element, wishes));
  expect(outputHeight({ autoeval: true })).toBe("4.77em");
  expect(outputHeight({})).toBe("");
  expect(outputHeight({ autoeval: true, hide: new Set(["output"]) })).toBe("");
});

test.each([
  ["no parameter", "@interact\ndef f():\n    pass", 0],
  ["two", "import a\n@interact\ndef f(x=(0, 1), y=[1, 2]):\n    print(1, 2)", 2],
  ["one in lines", "@interact(layout='x')\n@b\ndef f(\n    x=slider(0, 10),\n):\n    pass", 1],
  ["a program without an end", "@interact\ndef f(x, (", 2],
])("an interact with %s has room for its controls", (_name, code, controls) => {
  const height = (isNarrow: boolean) =>
    outputHeightOf(planFor(element, { autoeval: true, code, isNarrow }));
  expect(height(false)).toBe(`calc(3.42em + ${8.6 + controls * 2.65}rem)`);
  expect(height(true)).toBe(`calc(3.42em + ${10 + controls * 3.89}rem)`);
});

test("a word about interacts is none", () => {
  const code = "# @interact\nprint('@interact')";
  expect(outputHeightOf(planFor(element, { autoeval: true, code }))).toBe("4.77em");
});
