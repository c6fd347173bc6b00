import { expect, test } from "vitest";

import { typeset } from "../../../src/output/math/katex";

/** The element for `tex`, typeset. */
function typesetted(tex: string): HTMLElement {
  const element = document.createElement("span");
  element.className = "sagecell_math sagecell_math_display";
  element.textContent = `$$${tex}$$`;
  element.dataset["tex"] = tex;
  typeset(element);
  return element;
}

const RED = /red|#c00|204, 0, 0/;

test.each([
  "\\frac{a",
  "a^b^c",
  "\\begin{tabular}{l}a\\end{tabular}",
  "\\newcommand{\\a}[1][x]{#1}",
])("what cannot be set is readable as it was written: %s", (tex) => {
  const element = typesetted(tex);
  expect(element.textContent).toContain(tex);
  expect(element.innerHTML).not.toMatch(RED);
});

test("an unknown macro is written out among the rest", () => {
  const element = typesetted("a + \\unknown{b}");
  expect(element.querySelector(".katex-html")?.textContent).toContain("\\unknown");
  expect(element.innerHTML).not.toMatch(RED);
});

test("macros stay for later formulas, but not without limit", () => {
  typesetted("\\newcommand{\\early}{x}");
  expect(typesetted("\\early").querySelector(".katex-html")?.textContent).toBe("x");
  const names = Array.from({ length: 1100 }, (_, n) =>
    `m${"abcdefghij"[n % 10]!}`.concat(
      String.fromCharCode(97 + (Math.floor(n / 10) % 10), 97 + Math.floor(n / 100)),
    ),
  );
  for (const name of names) typesetted(`\\def\\${name}{y}`);
  expect(typesetted("\\early").textContent).toContain("\\early");
});
