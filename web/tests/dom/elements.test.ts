import { afterEach, expect, test } from "vitest";

import { button } from "../../src/dom/elements";

afterEach(() => document.body.replaceChildren());

test("a button in a form neither submits it nor is its default button", () => {
  const form = document.createElement("form");
  const done: string[] = [];
  form.addEventListener("submit", () => done.push("submitted"));
  const made = button("Evaluate", "a", () => done.push("pressed"));
  form.append(made);
  document.body.append(form);
  made.click();
  expect(done).toEqual(["pressed"]);
  expect(made.form).toBeNull();
  expect(Array.from(form.elements)).toEqual([]);
});
