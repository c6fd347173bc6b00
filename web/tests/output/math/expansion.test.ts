import katex from "katex";
import { expect, test } from "vitest";

import { BoundedMacros, ExpansionError } from "../../../src/output/math/expansion";

const macros = new BoundedMacros();

/** Typesets `tex`; the number of tokens to which its macros expand. */
function spent(tex: string, most = 1000): number {
  const within = macros.within(most);
  katex.renderToString(tex, { macros: within, globalGroup: true, throwOnError: true });
  return most - macros.left;
}

test("all that macros of formulas expand to is counted, arguments wherever they are pasted", () => {
  expect(spent("\\frac12 + \\dots")).toBe(0);
  expect(spent("\\def\\a{xyz}\\a\\a")).toBe(6);
  expect(spent("\\a")).toBe(3);
  expect(spent("\\def\\b#1{#1#1}\\b{xyz}")).toBe(6);
  expect(spent("\\b\\a")).toBe(8);
});

test("more than there may be is an error, and a macro that names no argument is one of KaTeX's", () => {
  expect(() => spent("\\a\\a", 5)).toThrow(ExpansionError);
  expect(() => spent("\\def\\c#1{#2}\\c x")).toThrow(katex.ParseError);
  expect(spent("\\a")).toBe(3);
});
