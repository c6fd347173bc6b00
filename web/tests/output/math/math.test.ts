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

  test("is fast with very many dollars", () => {
    const begun = performance.now();
    expect(formulas("$ ".repeat(20_000))).toEqual([]);
    expect(performance.now() - begun).toBeLessThan(2000);
  });
});
