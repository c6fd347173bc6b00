import katex from "katex";
import { describe, expect, test } from "vitest";

import { type Macros, newMacros, supported } from "../../../src/output/math/dialect";

/** The text of a formula, column by column, as KaTeX sets it; throws where KaTeX does not know the TeX. */
function set(tex: string, isDisplay = true, macros: Macros = newMacros()): string {
  const element = document.createElement("div");
  const options = { displayMode: isDisplay, macros, globalGroup: true, strict: "ignore" } as const;
  katex.render(supported(tex, isDisplay), element, options);
  return element.querySelector(".katex-html")!.textContent.replace(/[\u200b\s]/g, "");
}

describe("formulas of LaTeX and MathJax are set", () => {
  test.each([
    ["\\begin{eqnarray} a &=& b \\\\ &<& c \\nonumber \\end{eqnarray}", "a=<bc"],
    ["\\begin{eqnarray*} a &=& b \\end{eqnarray*}", "a=b"],
    ["\\begin{multline} a + \\shoveleft{b} \\\\ + c \\end{multline}", "a+b+c"],
    ["\\begin{multline*} a \\\\ b \\end{multline*}", "ab"],
    ["\\begin{flalign} a &= b \\end{flalign}", "a=b"],
    ["\\begin{displaymath} a \\end{displaymath}", "a"],
    ["a \\label{eq:1_2&}", "a"],
    ["\\begin{align*} a &= b \\label{x} \\\\ c &= d \\label{y} \\end{align*}", "ac=b=d"],
    ["\\text{by } \\eqref{eq:a_1}", "by(eq:a_1)"],
    ["\\require{cancel} \\cancel{a}", "a"],
    ["\\require{AMSmath}a", "a"],
    ["\\text{if $x$}", "ifx"],
    ["\\DeclareMathOperator{\\rank}{rank} \\rank A", "rankA"],
    ["\\DeclareMathOperator*{\\argmax}{arg\\,max} \\argmax_x A", "xargmaxA"],
    ["\\class{red}{a} \\cssId{i}{b}", "ab"],
    ["\\newcommand{\\R}{\\mathbb{R}} \\R", "R"],
    ["\\newcommand\\half[1]{\\frac{#1}{2}} \\half a", "2a"],
    ["\\renewcommand{\\unheard}{a} \\unheard", "a"],
  ])("%s", (tex, expected) => {
    expect(set(tex)).toBe(expected);
  });

  test.each(["align", "align*", "gather", "equation*", "eqnarray", "multline"])(
    "%s within a line",
    (name) => {
      expect(set(`\\begin{${name}} a \\end{${name}}`, false)).toBe("a");
    },
  );
});

describe("rows of fractions have room between them", () => {
  /** The height of a formula, in ems. */
  function height(tex: string): number {
    const element = document.createElement("div");
    katex.render(supported(tex, true), element, { displayMode: true, throwOnError: true });
    return parseFloat(element.querySelector<HTMLElement>(".katex-strut")!.style.height);
  }

  const rows = (row: string): string => `${row} & 1 \\\\ 1 & ${row} \\\\ ${row} & 1`;

  test.each(["pmatrix", "matrix", "vmatrix"])("in a %s", (name) => {
    const matrix = (row: string): string => `\\begin{${name}} ${rows(row)} \\end{${name}}`;
    const close = height(`\\def\\arraystretch{1}${matrix("\\frac{1}{2}")}`);
    expect(height(matrix("\\frac{1}{2}"))).toBeGreaterThan(close + 0.5);
    expect(height(matrix("a"))).toBeLessThan(close);
  });

  test("in Sage's arrays, inside of one another", () => {
    const inner = `\\left(\\begin{array}{rr} ${rows("\\frac{1}{2}")} \\end{array}\\right)`;
    const outer = `\\left[\\begin{array}{r|r} ${inner} & ${inner} \\end{array}\\right]`;
    expect(height(outer)).toBeCloseTo(height(inner), 0);
  });

  test("what a formula in a matrix defines is defined afterwards", () => {
    const macros = newMacros();
    set("\\newcommand{\\f}{\\frac{1}{2}} \\begin{pmatrix} \\f \\end{pmatrix}", true, macros);
    expect(set("\\f", true, macros)).toBe("21");
  });
});

test("macros of an earlier formula are known, and may be defined again", () => {
  const macros = newMacros();
  set("\\newcommand{\\norm}[1]{\\lVert #1 \\rVert}", true, macros);
  set("\\def\\half{\\frac12} \\DeclareMathOperator{\\rank}{rank}", false, macros);
  expect(set("\\norm{a}", true, macros)).toBe("∥a∥");
  expect(set("\\rank\\half", true, macros)).toContain("rank");
  set("\\newcommand{\\norm}[1]{|#1|}", true, macros);
  expect(set("\\norm{a}", true, macros)).toBe("∣a∣");
});

test("what KaTeX knows stays as it is", () => {
  for (const tex of [
    "\\begin{pmatrix} a & b \\end{pmatrix}",
    "\\providecommand{\\a}{b}",
    "\\newcommandx",
  ]) {
    expect(supported(tex, true)).toBe(tex);
  }
});
