import { afterEach, describe, expect, test } from "vitest";

import { MOST_IN_OUTPUT } from "../../../src/output/math/account";
import { typeset, typesetAll } from "../../../src/output/math/katex";
import { eventually } from "../../eventually";

afterEach(() => document.body.replaceChildren());

/** The element for `tex`, not yet typeset. */
function placeholder(tex: string): HTMLElement {
  const element = document.createElement("span");
  element.className = "sagecell_math sagecell_math_display";
  element.textContent = `$$${tex}$$`;
  element.dataset["tex"] = tex;
  return element;
}

/** The element for `tex`, typeset. */
function typesetted(tex: string): HTMLElement {
  const element = placeholder(tex);
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

describe("a formula that is too much is its source, with a word why", () => {
  const chain = (count: number, letters = "abcdefghijklmnopqrstuvwxyz") =>
    Array.from(letters.slice(0, count))
      .map((name, at) => `\\def\\${name}x{${`\\${letters[at + 1] ?? "z"}x`.repeat(2)}}`)
      .join("");
  test.each([
    ["twice as many with each macro", `${chain(20)}\\ax`, /expand to more/],
    [
      "a long macro many times",
      `\\def\\ax{${"x".repeat(9000)}}${"\\ax".repeat(900)}`,
      /expand to more/,
    ],
    [
      "an argument many times",
      `\\def\\ax#1{${"#1".repeat(900)}}\\ax{${"x".repeat(9000)}}`,
      /expand to more/,
    ],
    [
      "arguments within arguments",
      `\\newcommand\\ax[1]{#1#1}${"\\ax{".repeat(9)}${"x".repeat(5000)}${"}".repeat(9)}`,
      /expand to more/,
    ],
    ["\\edef", `\\def\\ax{xx}${"\\edef\\ax{\\ax\\ax}".repeat(30)}\\ax`, /expand to more/],
    ["deep fractions", `${"\\frac{1}{".repeat(1500)}x${"}".repeat(1500)}`, /nested too deeply/],
    ["a very long one", "x".repeat(20_001), /too long/],
  ])("%s", (_name, tex, why) => {
    const element = placeholder(tex);
    // Each letter and each control word is a token, wherever it comes from.
    expect(typeset(element)).toBeLessThanOrEqual(60_000);
    expect(element.textContent.startsWith(`$$${tex}$$ (`)).toBe(true);
    expect(element.textContent).toMatch(why);
    expect(typesetted("\\frac12").querySelector(".katex")).not.toBeNull();
  });
});

test("macros with arguments, delimiters and groups mean what they mean in KaTeX", () => {
  const set = (tex: string) =>
    typesetted(tex)
      .querySelector(".katex-html")
      ?.textContent.replace(/\u200b/g, "");
  expect(set("\\def\\p#1,#2.{#2#1}\\p a,b.")).toBe("ba");
  expect(set("\\newcommand\\q[2]{(#2|#1)}\\q{a}b")).toBe("(b∣a)");
  expect(set("\\def\\r#1{\\def\\s##1{##1#1}}\\r{a}\\s{b}")).toBe("ba");
  expect(set("{\\gdef\\t{a}\\t}\\let\\u=\\t\\u")).toBe("aa");
  expect(set("\\let\\v=+ a\\v b")).toBe("a+b");
});

describe("an output", () => {
  const output = () => {
    const element = document.createElement("div");
    element.className = "sagecell_sessionOutput";
    document.body.append(element);
    return element;
  };
  /** Shows formulas, and waits until they have been typeset. */
  const shown = async (place: HTMLElement, ...formulas: string[]) => {
    const elements = formulas.map(placeholder);
    place.replaceChildren(...elements);
    typesetAll(elements);
    await eventually(() => expect(place.querySelector("[data-tex]")).toBeNull());
    return elements;
  };
  /** Costs much, and is quickly refused. */
  const costly = `\\def\\ax{${"x".repeat(9000)}}${"\\ax".repeat(900)}`;

  test("has so many formulas at most, which is said once", async () => {
    const place = output();
    const formulas = Array.from({ length: MOST_IN_OUTPUT / 20_000 }, () => costly);
    const elements = await shown(place, "x", ...formulas, "y", "z");
    expect(elements[0]!.querySelector(".katex")).not.toBeNull();
    expect(elements.at(-2)!.textContent).toBe("$$y$$");
    expect(place.textContent.split("this output has too many")).toHaveLength(2);
    const others = await shown(output(), "z");
    expect(others[0]!.querySelector(".katex")).not.toBeNull();
    // What is not shown any more does not count.
    const later = await shown(place, "z");
    expect(later[0]!.querySelector(".katex")).not.toBeNull();
  });

  test("that is cleared does not hold up the next", async () => {
    const place = output();
    const gone = Array.from({ length: 50 }, () => placeholder("x".repeat(500)));
    place.append(...gone);
    typesetAll(gone);
    await shown(place, "y");
    expect(gone.filter((element) => element.dataset["tex"] !== undefined).length).toBeGreaterThan(
      40,
    );
  });
});
