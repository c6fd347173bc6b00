import { describe, expect, test, vi } from "vitest";

import { FormulaSearch, LONGEST } from "../../../src/output/math/math";

/** The formulas in `text`, displayed ones in brackets. */
function formulas(text: string): string[] {
  const found: string[] = [];
  const search = new FormulaSearch(text);
  for (let formula = search.next(0); formula; formula = search.next(formula.end)) {
    found.push(formula.display ? `[${formula.tex}]` : formula.tex);
  }
  return found;
}

/** How often a regular expression is applied while the formulas of `text` are found. */
function steps(text: string): number {
  const applied = vi.spyOn(RegExp.prototype, "exec");
  formulas(text);
  const count = applied.mock.calls.length;
  applied.mockRestore();
  return count;
}

describe("a search for formulas", () => {
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

  test.each([
    ["unbalanced braces", `$x${"{".repeat(150)}`],
    ["balanced braces, but no dollar that closes", `$x ${"{}".repeat(90)} `],
    ["formulas between open brackets", `\\( $x$ ${"\\) \\(".repeat(5)}`],
    ["environments that do not end", "$x$ \\begin{align} {$y"],
    ["dollars between backslashes", "$\\\\{\\$"],
  ])("takes no more steps for each of many pieces with %s", (_name, piece) => {
    const pieces = 40;
    const few = steps(piece.repeat(pieces));
    expect(few).toBeGreaterThan(pieces);
    expect(steps(piece.repeat(10 * pieces))).toBeLessThan(11 * few);
    // Each mark is read once, and once more where a formula may begin.
    expect(few).toBeLessThan(6 * pieces * piece.length);
  });

  test("does not look beyond the maximal length of a formula, or a hundred dollars", () => {
    expect(formulas(`$${"x".repeat(LONGEST)}$`)).toHaveLength(1);
    expect(formulas(`$${"x".repeat(LONGEST + 1)}$`)).toEqual([]);
    expect(formulas(`\\(${"x".repeat(LONGEST)}\\)`)).toEqual([]);
    const inner = (count: number) => `$\\text{${"$".repeat(count)}}$`;
    expect(formulas(inner(100))).toHaveLength(1);
    expect(formulas(inner(101))).toEqual(["}"]);
  });

  test("is fast with very many dollars", () => {
    const begun = performance.now();
    expect(formulas("$ ".repeat(20_000))).toEqual([]);
    expect(performance.now() - begun).toBeLessThan(2000);
  });
});
