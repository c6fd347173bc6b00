import { expect, test } from "vitest";

import { markdownToHtml } from "../../src/output/markdown";

test("formulas are left as they are", () => {
  expect(markdownToHtml(String.raw`a \(x_1 < 2_1\) *b*`)).toBe(
    `<p>a ${String.raw`\(x_1 &lt; 2_1\)`} <em>b</em></p>\n`,
  );
});

// In time that is quadratic in the length, this would take minutes.
test("very many formulas that do not end", () => {
  expect(markdownToHtml(String.raw`\(`.repeat(100_000))).toContain("<p>(((");
});
