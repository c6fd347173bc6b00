import { expect, test, vi } from "vitest";

import { typesetText } from "../../../src/output/math/typeset";

test("only what is read as a formula is typeset, not what looks like a placeholder", async () => {
  const root = document.createElement("div");
  const imitated = `<i class="sagecell_math" data-tex="x"></i>`;
  root.innerHTML = `${imitated}$y$`;
  typesetText(root);
  await vi.waitFor(() => expect(root.querySelector(".katex")).not.toBeNull(), 10_000);
  expect(root.innerHTML.startsWith(imitated)).toBe(true);
});

test("a text may have any number of formulas; the first ten thousand are looked at", async () => {
  const text = "$x$ ".repeat(150_000);
  const root = document.createElement("div");
  root.append(text, "$y$");
  document.body.append(root);
  typesetText(root);
  expect(root.textContent).toBe(`${text}$y$`);
  expect(root.querySelectorAll(".sagecell_math")).toHaveLength(10_000);
  // Otherwise other tests would wait for all of them.
  await new Promise((resolve) => setTimeout(resolve));
  root.remove();
});
