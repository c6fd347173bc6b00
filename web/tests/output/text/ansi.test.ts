import { describe, expect, test } from "vitest";

import { AnsiParser, type Piece, PLAIN, nodeFor, withoutAnsi } from "../../../src/output/text/ansi";

const ESC = "\x1b";
const parse = (...chunks: string[]): Piece[] => {
  const parser = new AnsiParser();
  return chunks.flatMap((chunk) => parser.parse(chunk));
};
/** The styles of the runs in a text, by their text. */
const styles = (text: string) =>
  Object.fromEntries(
    parse(text).flatMap((piece) => ("text" in piece ? [[piece.text, piece.style] as const] : [])),
  );

describe("select graphic rendition", () => {
  test.each([
    ["1", { bold: true }],
    ["2", { faint: true }],
    ["3", { italic: true }],
    ["4", { underline: true }],
    ["7", { reverse: true }],
    ["9", { strike: true }],
    ["31", { foreground: { index: 1 } }],
    ["97", { foreground: { index: 15 } }],
    ["44", { background: { index: 4 } }],
    ["100", { background: { index: 8 } }],
    ["1;31", { bold: true, foreground: { index: 1 } }],
    ["38;5;9", { foreground: { index: 9 } }],
    ["38;5;208", { foreground: { rgb: [255, 135, 0] } }],
    ["48;5;232", { background: { rgb: [8, 8, 8] } }],
    ["38;5;28;01", { foreground: { rgb: [0, 135, 0] }, bold: true }],
    ["38;2;1;2;3", { foreground: { rgb: [1, 2, 3] } }],
    ["48;2;255;0;0;4", { background: { rgb: [255, 0, 0] }, underline: true }],
    ["38;5;256", {}],
    ["38;2;1;2", {}],
    ["38;5", {}],
    ["38", {}],
    ["999", {}],
  ])("%s", (codes, style) => {
    expect(parse(`${ESC}[${codes}mx`)).toEqual([{ text: "x", style }]);
  });

  test("turns styles off one at a time", () => {
    expect(
      styles(`${ESC}[1;2;3;4;7;9;31;42ma${ESC}[22;23;24mb${ESC}[27;29;39mc${ESC}[49md`),
    ).toMatchObject({
      b: { reverse: true, strike: true, foreground: { index: 1 }, background: { index: 2 } },
      c: { background: { index: 2 } },
      d: {},
    });
  });

  test.each(["0", "", "1;0"])("%j is plain again", (codes) => {
    const pieces = parse(`${ESC}[31ma${ESC}[${codes}mb`);
    expect(pieces[1]).toEqual({ text: "b", style: PLAIN });
  });
});

test("a sequence may be split anywhere between two messages", () => {
  const text = `a${ESC}[1;38;5;208mb${ESC}]0;title${ESC}\\c${ESC}[0m`;
  const whole = parse(text);
  for (let at = 0; at <= text.length; at += 1) {
    const pieces = parse(text.slice(0, at), text.slice(at));
    expect(pieces).toEqual(whole);
  }
});

test("erase in line has three forms", () => {
  expect(parse(`${ESC}[K${ESC}[0K${ESC}[1K${ESC}[2K`)).toEqual([
    { erase: "right" },
    { erase: "right" },
    { erase: "left" },
    { erase: "line" },
  ]);
});

test.each([
  ["cursor movements", `a${ESC}[2Ab${ESC}[10;20Hc`, "abc"],
  ["private modes", `a${ESC}[?25lb`, "ab"],
  ["a title", `a${ESC}]0;title\x07b`, "ab"],
  ["a hyperlink", `${ESC}]8;;http://x/${ESC}\\link${ESC}]8;;${ESC}\\`, "link"],
  ["a device control string", `a${ESC}Pq#0${ESC}\\b`, "ab"],
  ["a charset choice", `a${ESC}(Bb`, "ab"],
  ["a lone escape", `a${ESC}\u00e9b`, "a\u00e9b"],
  ["an unfinished sequence", `a${ESC}[31`, "a"],
])("%s leave no trace", (_name, text, shown) => {
  expect(withoutAnsi(text)).toBe(shown);
});

test("an unterminated string does not swallow all further output", () => {
  const shown = withoutAnsi(`${ESC}]0;${"x".repeat(10_000)}`);
  expect(shown).toHaveLength(10_000 + 3);
});

describe("nodeFor", () => {
  const element = (codes: string): HTMLElement => {
    const [piece] = parse(`${ESC}[${codes}m<b>&`);
    return nodeFor(piece as { text: string; style: object }) as HTMLElement;
  };

  test("is text, never markup", () => {
    expect(nodeFor({ text: "<b>", style: PLAIN }).nodeType).toBe(Node.TEXT_NODE);
    expect(element("31").innerHTML).toBe("&lt;b&gt;&amp;");
  });

  test.each([
    ["31", "ansi-red-fg"],
    ["94", "ansi-blue-intense-fg"],
    ["42", "ansi-green-bg"],
    ["103", "ansi-yellow-intense-bg"],
    ["1;4", "ansi-bold ansi-underline"],
    ["7", "ansi-default-inverse-bg ansi-default-inverse-fg"],
    ["30;43", "ansi-yellow-bg"],
    ["97;41", "ansi-red-bg"],
    ["7;31", "ansi-red-bg"],
    ["7;31;42", "ansi-red-bg ansi-green-fg"],
    ["7;42", "ansi-default-inverse-bg ansi-green-fg"],
  ])("%s has the classes %s", (codes, classes) => {
    expect(element(codes).className).toBe(classes);
  });

  test("an exact colour is legible in both themes", () => {
    const { style } = element("38;2;0;0;255");
    expect(style.getPropertyValue("--on-light")).toBe("rgb(0 0 255)");
    expect(style.getPropertyValue("--on-dark")).not.toBe("rgb(0 0 255)");
  });

  test("an exact colour is legible on a named background", () => {
    const { style } = element("43;38;2;255;255;0");
    expect(style.getPropertyValue("--on-light")).not.toBe("rgb(255 255 0)");
  });

  test.each([
    ["48;2;250;250;200", "rgb(0 0 0)"],
    ["48;2;30;0;60", "rgb(255 255 255)"],
    ["7;38;2;250;250;200", "rgb(0 0 0)"],
  ])("on the exact background %s, text without a colour is %s", (codes, colour) => {
    const { style } = element(codes);
    expect(style.getPropertyValue("--on-light")).toBe(colour);
    expect(style.getPropertyValue("--on-dark")).toBe(colour);
  });

  test("an exact colour on an exact background does not change", () => {
    const { style } = element("38;2;0;0;255;48;2;0;0;250");
    expect(style.getPropertyValue("--on-dark")).toBe("rgb(0 0 255)");
    expect(style.backgroundColor).toBe("rgb(0, 0, 250)");
  });
});
