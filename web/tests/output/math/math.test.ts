import { describe, expect, test } from "vitest";

import { nextFormula } from "../../../src/output/math/math";

/** The formulas in `text`, displayed ones in brackets. */
function formulas(text: string): string[] {
  const found: string[] = [];
  for (let formula = nextFormula(text, 0); formula; formula = nextFormula(text, formula.end)) {
    found.push(formula.display ? `[${formula.tex}]` : formula.tex);
  }
  return found;
}

describe("nextFormula", () => {
  test.each([
    ["$x$", ["x"]],
    ["a $x$ and $y_1$.", ["x", "y_1"]],
    ["$$x$$", ["[x]"]],
    ["\\(x\\) \\[y\\]", ["x", "[y]"]],
    ["$\\$5$", ["\\$5"]],
    ["\\begin{align*}a&=b\\\\c&=d\\end{align*}", ["[\\begin{align*}a&=b\\\\c&=d\\end{align*}]"]],
    ["$x = \\text{if $y$ or $z$}$ $w$", ["x = \\text{if $y$ or $z$}", "w"]],
    ["$$\\text{if $y$}$$", ["[\\text{if $y$}]"]],
    ["by \\eqref{eq:1} and \\ref{b}", ["\\eqref{eq:1}", "\\ref{b}"]],
    ["\\ref{a\nb} \\refs", []],
    ["$\\{x$ $a{b$", ["\\{x"]],
    ["$a}$", ["a}"]],
    ["$5 and $6", []],
    ["$ x$ and $x $", []],
    ["\\$x\\$", []],
    ["a $ b", []],
    ["$$", []],
    ["$$ $$", []],
    ["$a\n\nb$", []],
    ["\\begin{align}a", []],
    ["\\(x", []],
    ["", []],
  ])("%j", (text, expected) => {
    expect(formulas(text)).toEqual(expected);
  });

  // In time that is quadratic in the length, these would take minutes.
  test.each(["$x ", "$x{", "$$x{", "$\\text{", "$x}", "\\[x", "\\("])(
    "very many of %j",
    (piece) => {
      expect(formulas(piece.repeat(100_000)).length).toBeLessThan(100_001);
    },
  );

  test("is fast with very many dollars", () => {
    const begun = performance.now();
    expect(formulas("$ ".repeat(20_000))).toEqual([]);
    expect(performance.now() - begun).toBeLessThan(2000);
  });
});
