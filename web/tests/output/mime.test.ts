import { describe, expect, test, vi } from "vitest";

import { LONGEST_TEXT, renderBundle, renderText, renderTraceback } from "../../src/output/mime";
import { harmless } from "../../src/output/policy";
import { type Json, type JsonObject } from "../../src/protocol/messages";
import { eventually } from "../eventually";

const render = (data: JsonObject, metadata: JsonObject = {}) =>
  renderBundle(data, metadata, harmless({ fileAddress: (name) => `/files/${name}` }));
const PNG = "iVBORw0KGgo=";

test("a value of one line may wrap; one of several lines may have columns", () => {
  const isSingle = (text: string) => render({ "text/plain": text }).matches("[data-single-line]");
  expect(isSingle("[1, 2, 3]")).toBe(true);
  expect(isSingle("[1 2]\n[3 4]")).toBe(false);
});

describe("the richest representation is shown", () => {
  const all: [string, Json, string][] = [
    ["text/html", "<b>rich</b>", "sagecell_html"],
    ["text/markdown", "*rich*", "sagecell_markdown"],
    ["text/latex", "$x$", "sagecell_latex"],
    ["image/svg+xml", "<svg/>", "sagecell_figure"],
    ["image/png", PNG, "sagecell_figure"],
    ["image/jpeg", PNG, "sagecell_figure"],
    ["application/json", { a: 1 }, "sagecell_json"],
    ["text/plain", "plain", "sagecell_value"],
  ];

  test.each(all)("%s, whatever comes with it", (type, value, className) => {
    const rest = all.slice(all.findIndex(([other]) => other === type) + 1).reverse();
    const poorer = rest.map(([other, content]): [string, Json] => [other, content]);
    const data = Object.fromEntries([...poorer, [type, value]]);
    expect(render(data).className).toBe(className);
  });

  test.each<[string, JsonObject]>([
    ["HTML that only a script would fill", { "text/html": "<script>f()</script>" }],
    ["an empty text", { "text/latex": "" }],
    ["a picture that is no base64", { "image/png": "<script>" }],
    // In time that is quadratic in the length, it would take hours.
    ["a picture of white space", { "image/png": `A${" ".repeat(1_000_000)}!` }],
    ["a value of the wrong type", { "text/html": 7, "image/png": { a: 1 } }],
    ["a kind from the future", { "application/x-future": "?" }],
  ])("%s is replaced by plain text", (_name, data) => {
    expect(render({ ...data, "text/plain": "plain" }).textContent).toBe("plain");
  });

  test.each([
    ["", ""],
    ["<style>p {color: red}</style>", "A style sheet"],
    ["<script>f()</script>", "A script"],
    ["<div></div>", ""],
    ["<progress></progress>", ""],
    ["<iframe src=https://x.test/></iframe>", "A frame"],
  ])("an object's name is never shown for HTML: %j", (html, sentence) => {
    const plain = "<IPython.core.display.HTML object>";
    const { className, textContent } = render({ "text/html": html, "text/plain": plain });
    expect(className).toBe("sagecell_html");
    expect(textContent).toContain(sentence);
    expect(textContent).not.toContain("object>");
  });

  test.each([
    "<__main__.Box at 0x7f3a>",
    "<__main__.f.<locals>.Box object at 0x7F3A>",
    "<IPython.core.display.HTML object>",
  ])("an object's name is not shown beside an unknown type: %s", (plain) => {
    const { textContent } = render({ "text/html": "", "text/plain": plain });
    expect(textContent).toBe("");
  });

  test("an object's name is shown where there is nothing else", () => {
    expect(render({ "text/plain": "<object object at 0x7f3a>" }).textContent).toContain("0x7f3a");
    expect(render({ "text/html": "", "text/plain": "Empty()" }).textContent).toBe("Empty()");
    const empty = { "text/markdown": "", "text/plain": "<IPython.core.display.Markdown object>" };
    expect(render(empty).hidden).toBe(true);
  });

  test("HTML that is too long is offered as a file", async () => {
    const made: Blob[] = [];
    URL.createObjectURL = (blob: Blob) => String(made.push(blob));
    URL.revokeObjectURL = () => undefined;
    const click = vi
      .spyOn(HTMLAnchorElement.prototype, "click")
      .mockImplementation(() => undefined);
    const html = `<p>${"x".repeat(5_000_000)}`;
    const element = render({
      "text/html": html,
      "text/plain": "<IPython.core.display.HTML object>",
    });
    expect(element.textContent).toBe(
      "This HTML has 5,000,003 characters: too many to be shown here.Download",
    );
    element.querySelector("button")!.click();
    expect(await made[0]!.text()).toBe(html);
    // A browser that opens it instead of saving it does not run its scripts.
    expect(made[0]!.type).toMatch(/^application\/octet-stream/);
    click.mockRestore();
    const frame = render({ "text/html": html, "text/plain": "   a\n0  1" });
    expect(frame.querySelector(".sagecell_value")?.textContent).toBe("   a\n0  1");
  });

  test("the types of an unsupported value are listed", () => {
    expect(render({ "application/x-future": "?" }).textContent).toContain("application/x-future");
    expect(render({}).textContent).toBe("");
  });

  test("names from an object's prototype are not types", () => {
    expect(render({ toString: "x" }).className).toBe("sagecell_note");
  });
});

describe("pictures", () => {
  const picture = (data: JsonObject, metadata: JsonObject = {}) =>
    render(data, metadata).querySelector("img")!;

  test("PNG and JPEG are data", () => {
    expect(picture({ "image/png": "iVBO\nRw0K\n" }).src).toBe("data:image/png;base64,iVBORw0K");
    expect(picture({ "image/jpeg": "/9j/" }).src).toBe("data:image/jpeg;base64,/9j/");
  });

  test("have a size and alternative text", () => {
    const img = picture(
      { "image/png": PNG, "text/plain": "<Figure>" },
      { "image/png": { width: 320, height: "240", alt: "Plot: Fall" } },
    );
    expect([img.alt, img.width, img.getAttribute("height")]).toEqual(["Plot: Fall", 320, null]);
  });

  test("SVG with a script is a picture, never markup", () => {
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(1)</script>ü"</svg>`;
    const element = render({ "image/svg+xml": svg });
    expect(element.querySelector("svg, script")).toBeNull();
    const src = element.querySelector("img")!.src;
    expect(src).toMatch(/^data:image\/svg\+xml,%3Csvg/);
    expect(decodeURIComponent(src.slice(src.indexOf(",") + 1))).toBe(svg);
    expect(() => render({ "image/svg+xml": "<svg>\ud800</svg>" })).not.toThrow();
  });

  test("may be files of the kernel", () => {
    expect(picture({ "text/image-filename": "a.png?m=1" }).getAttribute("src")).toBe(
      "/files/a.png?m=1",
    );
  });
});

describe("output of SageMathCell's kernels", () => {
  // contract: 4.9
  test("a script is not run, and a line says so", () => {
    const element = render({ "application/javascript": "document.title = 'hit'" });
    expect(element.className).toBe("sagecell_note");
    expect(element.textContent).toContain("not run");
    expect(document.title).not.toBe("hit");
  });

  // contract: 4.12
  test("a scene for Jmol is shown by its picture", () => {
    const element = render({ "application/x-jmol": "scene-1.jmol" });
    expect(element.querySelector("img")?.getAttribute("src")).toBe(
      "/files/scene-1.jmol/preview.png",
    );
  });

  // contract: 4.13
  test("a scene for canvas3d is a link to its file", () => {
    const both = { "application/x-canvas3d": "a.canvas3d", "text/plain": "Graphics3d" };
    const link = render(both).querySelector("a");
    expect([link?.getAttribute("href"), link?.textContent]).toEqual([
      "/files/a.canvas3d",
      "a.canvas3d",
    ]);
  });

  // contract: 4.14
  test("a file without a known type is a link", () => {
    const link = render({ "application/x-file": "data.bin?m=1" }).querySelector("a");
    expect([link?.getAttribute("href"), link?.textContent]).toEqual([
      "/files/data.bin?m=1",
      "data.bin",
    ]);
    expect(link?.download).toBe("data.bin");
  });

  // contract: 4.10, 4.11
  test("pictures are files or data", () => {
    const src = (data: JsonObject) => render(data).querySelector("img")?.getAttribute("src");
    expect(src({ "text/image-filename": "a.png?m=1" })).toBe("/files/a.png?m=1");
    expect(src({ "image/png": PNG })).toBe(`data:image/png;base64,${PNG}`);
  });
});

describe("renderText", () => {
  test("keeps markup as text and colours as classes", () => {
    const element = renderText("\x1b[31m<b>\x1b[0m", "sagecell_pyerr");
    expect(element.innerHTML).toBe('<span class="ansi-red-fg">&lt;b&gt;</span>');
  });

  test("cuts long text and says how much is missing", () => {
    const element = renderText("x".repeat(LONGEST_TEXT + 1234));
    expect(element.textContent).toHaveLength(LONGEST_TEXT + "\n… 1,234 more characters.".length);
    expect(element.textContent).toMatch(/… 1,234 more characters\.$/);
  });
});

describe("renderTraceback", () => {
  const parts = (traceback: string) => {
    const element = renderTraceback(traceback);
    return [element.textContent, element.querySelector(".sagecell_fault")!.innerHTML];
  };

  test("sets its last line apart, which says what is wrong", () => {
    const lines = "Cell In[1], line 1\n----> 1 x\n\n";
    expect(parts(`${lines}\x1b[31mNameError\x1b[39m: x\n`)).toEqual([
      `${lines}NameError: x\n`,
      '<span class="ansi-red-fg">NameError</span>: x\n',
    ]);
    expect(parts("Oops")).toEqual(["Oops", "Oops"]);
    expect(parts("")).toEqual(["", ""]);
  });

  test("cuts what is before it, never the line itself", () => {
    const [text] = parts(`${"x".repeat(LONGEST_TEXT + 9)}\nValueError: x`);
    expect(text).toMatch(/… 10 more characters\.\nValueError: x$/);
  });
});

describe("renderers loaded on demand", () => {
  test("LaTeX shows its source, then the formula", async () => {
    const element = render({ "text/latex": "$\\displaystyle x^2$" });
    expect(element.textContent).toBe("$\\displaystyle x^2$");
    await eventually(() => expect(element.querySelector(".katex math")).not.toBeNull());
  });

  test("LaTeX without delimiters is one formula", async () => {
    const element = render({ "text/latex": "x^2" });
    await eventually(() => expect(element.querySelector(".katex-display")).not.toBeNull());
  });

  test("malformed, hostile or endless LaTeX stays text", async () => {
    const source =
      "$\\frac{$ $\\href{javascript:alert(1)}{x}$ $\\def\\a{\\a\\a}\\a$ $\\includegraphics{http://x.test/a.png}$";
    const element = render({ "text/latex": source });
    await eventually(() => expect(element.querySelector("[data-tex]")).toBeNull());
    expect(element.querySelector("a, img, script")).toBeNull();
  });

  test("Markdown shows its source, then sanitised and typeset HTML", async () => {
    const element = render({
      "text/markdown":
        "# Title\n\n*so* \\$5, $a_1 * b_1$ \\(c\\) `$x$`\n\n<script>alert(1)</script>\n\n" +
        "[x](javascript:alert(1)) <img src=x onerror=alert(1)>\n\n| a | b |\n|---|--:|\n| 1 | 2 |\n",
    });
    expect(element.textContent).toContain("# Title");
    await eventually(() => expect(element.querySelector(".katex")).not.toBeNull());
    expect(element.querySelector("h1")?.textContent).toBe("Title");
    expect(element.querySelectorAll(".katex")).toHaveLength(2);
    expect(element.querySelector("code")?.textContent).toBe("$x$");
    expect(element.querySelector("p")?.textContent).toContain("$5");
    expect(element.querySelector("td + td")?.getAttribute("style")).toContain("right");
    expect(element.querySelector("script, [onerror], a[href]")).toBeNull();
  });

  test("formulas in HTML are typeset, except in programs and ignored elements", async () => {
    const element = render({
      "text/html": "<p>$x^2$</p><pre>$y$</pre><p class=tex2jax_ignore>$z$</p><p>$5 or $6</p>",
    });
    await eventually(() => expect(element.querySelector(".katex")).not.toBeNull());
    expect(element.querySelectorAll(".katex")).toHaveLength(1);
    expect(element.querySelector("pre")?.textContent).toBe("$y$");
  });
});
