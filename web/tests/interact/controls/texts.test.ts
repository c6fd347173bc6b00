import { describe, expect, test } from "vitest";

import { all, enters, made, presses } from "../fakes";

const BOX = {
  control_type: "input_box",
  subtype: "input",
  default: "x^2",
  width: 0,
  height: 1,
  keypress: false,
  evaluate: true,
};
const field = () => all("input, textarea")[0]!;

function types(text: string): void {
  field().value = text;
  field().dispatchEvent(new Event("input", { bubbles: true }));
}

// contract: 4.1
test("a line is confirmed by Enter or by leaving it", () => {
  const box = made(BOX);
  expect(box.value()).toBe("x^2");
  types("x^");
  expect(box.said).toEqual([]);
  types("x^3");
  presses(field(), "Enter");
  field().dispatchEvent(new Event("change"));
  enters(field(), "x^4");
  expect(box.said).toEqual(["x^3", "x^4"]);
});

test("each key changes the value if the author asked for it", () => {
  const box = made({ ...BOX, keypress: true });
  types("a");
  types("ab");
  field().dispatchEvent(new Event("change"));
  expect(box.said).toEqual(["a", "ab"]);
});

test("Enter in an input method does not confirm", () => {
  const box = made(BOX);
  types("日");
  presses(field(), "Enter", { isComposing: true });
  expect(box.said).toEqual([]);
});

test("in a text area, Enter is a new line and Shift-Enter confirms", () => {
  const box = made({ ...BOX, subtype: "textarea", height: 6 });
  expect(all<HTMLTextAreaElement>("textarea")[0]!.rows).toBe(6);
  types("a\nb");
  presses(field(), "Enter");
  expect(box.said).toEqual([]);
  presses(field(), "Enter", { shiftKey: true });
  expect(box.said).toEqual(["a\nb"]);
});

test("lone surrogates are not sent to the kernel", () => {
  const box = made(BOX);
  enters(field(), "a\ud800b");
  expect(box.said).toEqual(["a\ufffdb"]);
});

test("text that is being typed is not overwritten", () => {
  const box = made(BOX);
  field().focus();
  types("x^2 + ");
  box.show("y");
  expect(field().value).toBe("x^2 + ");
  presses(field(), "Enter");
  expect(box.said).toEqual(["x^2 + "]);
  box.show("z");
  expect(field().value).toBe("z");
});

test("text that cannot be changed can be read", () => {
  made(BOX).enable(false);
  expect(field().readOnly).toBe(true);
  expect(field().disabled).toBe(false);
});

describe("a grid", () => {
  const GRID = {
    control_type: "input_grid",
    nrows: 2,
    ncols: 2,
    default: [
      ["1", "0"],
      ["0", "1"],
    ],
    width: 5,
  };

  test("has rows of strings as value", () => {
    const grid = made(GRID);
    enters(all("input")[2]!, "7");
    expect(grid.said).toEqual([
      [
        ["1", "0"],
        ["7", "1"],
      ],
    ]);
  });

  test("names each entry", () => {
    made(GRID);
    expect(all("input").map((entry) => entry.getAttribute("aria-label"))).toEqual([
      "x, row 1, column 1",
      "x, row 1, column 2",
      "x, row 2, column 1",
      "x, row 2, column 2",
    ]);
  });

  // contract: 4.2
  test("is set whole, by row, or by entry", () => {
    const grid = made(GRID);
    grid.show([["a"], ["b", "c", "d"], ["e"]]);
    expect(grid.value()).toEqual([
      ["a", "0"],
      ["b", "c"],
    ]);
    grid.show(["p", "q"], 1);
    grid.show("r", [0, 1]);
    grid.show("s", [5, 5]);
    grid.show("t", "no");
    expect(grid.value()).toEqual([
      ["a", "r"],
      ["p", "q"],
    ]);
  });

  test.each([
    { nrows: 1e9, ncols: 1e9 },
    { nrows: -1, ncols: "2", default: "no" },
    { default: [null, [{}]], width: "wide" },
  ])("of any description is bounded: %j", (description) => {
    const grid = made({ control_type: "input_grid", ...description });
    grid.show({ no: "grid" });
    const entries = all("input").length;
    expect(entries).toBeGreaterThan(0);
    expect(entries).toBeLessThanOrEqual(2500);
  });
});

test.each([null, 5, ["a"], { a: 1 }, "\ud800", true])("a box shows %j as text", (value) => {
  const box = made({ ...BOX, default: value, width: value, height: value });
  expect(typeof box.value()).toBe("string");
  expect((box.value() as string).isWellFormed()).toBe(true);
});
