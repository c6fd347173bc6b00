import { expect, test } from "vitest";

import { typesetText } from "../../../src/output/math/typeset";

test("a text may have any number of formulas; the first ten thousand are looked at", () => {
  const text = "$x$ ".repeat(150_000);
  const root = document.createElement("div");
  root.append(text, "$y$");
  typesetText(root);
  expect(root.textContent).toBe(`${text}$y$`);
  expect(root.querySelectorAll(".sagecell_math")).toHaveLength(10_000);
});
