import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { renderLatex, typesetText } from "../../../src/output/math/typeset";
import { settled } from "../../fakes";
import { eventually } from "../../eventually";

const page = window as { MathJax?: unknown };
let shown: string[];

beforeEach(() => (shown = []));
afterEach(() => {
  delete page.MathJax;
  document.body.replaceChildren();
});

function formulas(text: string): HTMLElement {
  const element = document.createElement("p");
  element.textContent = text;
  document.body.append(element);
  typesetText(element, true);
  return element;
}
const note = (element: HTMLElement) => shown.push(element.textContent);

// contract: 6.3
describe("formulas go to the page's own MathJax", () => {
  test("version 2", async () => {
    const Hub = {
      Queue([name, hub, element]: [string, unknown, HTMLElement]) {
        expect([name, hub]).toEqual(["Typeset", Hub]);
        note(element);
      },
    };
    page.MathJax = { Hub };
    formulas("so $x^2$ and $$y$$ it is");
    await settled();
    expect(shown).toEqual(["\\(x^2\\)", "\\[y\\]"]);
  });

  test.each(["3", "4"])("version %s, one call at a time, once it has started", async () => {
    let calls = 0;
    const modern = {
      startup: { promise: Promise.resolve() },
      typesetPromise: async (elements: HTMLElement[]) => {
        expect((calls += 1)).toBe(1);
        elements.forEach(note);
        await settled();
        calls -= 1;
      },
    };
    page.MathJax = modern;
    formulas("$a$");
    formulas("$b$");
    await eventually(() => expect(shown).toEqual(["\\(a\\)", "\\(b\\)"]));
  });

  test("also when only its configuration has been loaded", async () => {
    let start: () => void = () => undefined;
    page.MathJax = { tex: {} };
    vi.spyOn(document, "readyState", "get").mockReturnValue("interactive");
    formulas("$a$");
    await settled();
    expect(shown).toEqual([]);
    page.MathJax = {
      startup: { promise: new Promise<void>((resolve) => (start = resolve)) },
      typesetPromise: async (elements: HTMLElement[]) => elements.forEach(note),
    };
    window.dispatchEvent(new Event("load"));
    start();
    await eventually(() => expect(shown).toEqual(["\\(a\\)"]));
  });
});

test("without one, or when it does not load, KaTeX is used", async () => {
  const plain = formulas("$a$");
  page.MathJax = { tex: {} };
  const waited = formulas("$b$");
  for (const element of [plain, waited]) {
    await eventually(() => expect(element.querySelector(".katex")).not.toBeNull());
  }
});

test("output of strangers always goes to KaTeX, with its restrictions", async () => {
  page.MathJax = { typesetPromise: async (elements: HTMLElement[]) => elements.forEach(note) };
  const element = renderLatex("$a$");
  await eventually(() => expect(element.querySelector(".katex")).not.toBeNull());
  expect(shown).toEqual([]);
});
