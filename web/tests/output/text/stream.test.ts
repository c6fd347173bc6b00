import { describe, expect, test } from "vitest";

import { StreamView, Terminal } from "../../../src/output/text/stream";

const ESC = "\x1b";

/** The text on a terminal after all writes. */
function screen(...writes: string[]): string {
  const view = new StreamView("sagecell_stdout");
  writes.forEach((text) => view.write(text));
  return view.element.textContent;
}

describe("one line", () => {
  test.each([
    ["plain text", "a\nb", "a\nb"],
    ["a carriage return writes over", "abc\rX", "Xbc"],
    ["a longer text after it covers all", "abc\rwxyz", "wxyz"],
    ["the end of a Windows line", "a\r\nb\r\n", "a\nb\n"],
    ["several carriage returns", "ab\r\r\rc", "cb"],
    ["one at the very beginning", "\rab", "ab"],
    ["only the last line is written over", "a\nbc\rX", "a\nXc"],
    ["a newline goes to the end, whatever the column", "abc\rX\nd", "Xbc\nd"],
    ["a backspace steps back", "abc\b\bX", "aXc"],
    ["backspaces stop at the line's beginning", "a\nbc\b\b\b\b\bX", "a\nXc"],
    ["a backspace after a carriage return", "ab\r\bX", "Xb"],
    ["a spinner", "|\b/\b-\b\\\bdone", "done"],
    ["erase to the right", `abcdef\rab${ESC}[K`, "ab"],
    ["erase all and start again", `abcdef\r${ESC}[2Kxy`, "xy"],
    ["erase to the left", `abc\rab${ESC}[1K`, "  c"],
    ["a pair of surrogates is one cell", "😀😀\rab", "ab"],
    ["a short one over surrogates", "😀😀c\rx", "x😀c"],
    ["a bell and a NUL", "a\x07\0b", "ab"],
    ["tabs stay", "a\tb", "a\tb"],
  ])("%s", (_name, text, shown) => {
    expect(screen(text)).toBe(shown);
    expect(screen(...Array.from(text))).toBe(shown);
  });
});

test("a progress bar shows its last state", () => {
  const writes = Array.from(
    { length: 101 },
    (_, i) => `\r${String(i).padStart(3)}% ${"#".repeat(i)}`,
  );
  expect(screen(...writes, "\ndone\n")).toBe(`100% ${"#".repeat(100)}\ndone\n`);
});

test("colours survive partial overwriting", () => {
  const view = new StreamView("sagecell_stderr");
  view.write(`${ESC}[31mabcd${ESC}[0m\rX`);
  expect(view.element.textContent).toBe("Xbcd");
  expect(view.element.querySelector(".ansi-red-fg")?.textContent).toBe("bcd");
});

test.each(["\rab", "a\b", "\b\ba", `${ESC}[1K`, `${ESC}[2K`, `\ra${ESC}[1K`, `\b${ESC}[Ka`])(
  "many of %j in a long line take as long as other text",
  (unit) => {
    const terminal = new Terminal();
    terminal.write("x".repeat(9999));
    terminal.write(unit.repeat(20_000));
    expect(terminal.openLine.length).toBeGreaterThan(0);
  },
);

test("final text is returned once", () => {
  const terminal = new Terminal();
  terminal.write("a\nb");
  expect(
    terminal
      .takeSettled()
      .map(({ text }) => text)
      .join(""),
  ).toBe("a\n");
  expect(terminal.takeSettled()).toEqual([]);
  expect(terminal.openLine.map(({ text }) => text)).toEqual(["b"]);
});

test("a long line becomes final", () => {
  const view = new StreamView("sagecell_stdout");
  for (let i = 0; i < 30; i += 1) view.write("x".repeat(1000));
  expect(view.size).toBeGreaterThan(20_000);
  expect(view.element.textContent).toBe("x".repeat(30_000));
});

test("many writes between two frames create few nodes", () => {
  const view = new StreamView("sagecell_stdout");
  view.write("a line\n".repeat(10_000));
  expect(view.element.childNodes.length).toBeLessThan(5);
  expect(view.size).toBe(70_000);
});
