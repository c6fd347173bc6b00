import { afterEach, describe, expect, test } from "vitest";

import { elementsAt, programFor } from "../../src/embed/elements";

function page(html: string): HTMLElement {
  document.body.innerHTML = html;
  return document.body.firstElementChild as HTMLElement;
}

afterEach(() => document.body.replaceChildren());

// contract: 7.1
describe("the program for a cell", () => {
  const program = (html: string, code?: unknown, elsewhere?: string) => {
    const element = page(html);
    const [other] = elsewhere === undefined ? [] : elementsAt(elsewhere);
    return programFor(code, other, element, "sage");
  };

  test("is the option `code`", () => {
    expect(program("<div><script>in()</script></div>", " told() \n", "#x")).toBe("told()");
    expect(program("<div>in</div>", "")).toBe("");
    expect(program("<div>in</div>", 7)).toBe("7");
  });

  test("is elsewhere, as that element's HTML", () => {
    const html = "<div>in</div><pre id=there>\na &lt; b\n</pre>";
    expect(program(html, undefined, "#there")).toBe("a &lt; b");
    expect(program(html, undefined, "#nowhere")).toBe("in");
  });

  test.each(["text/x-sage", "text/code", "text/javascript-not", "application/x-anything", ""])(
    "is in a script of type %j, whatever else there is",
    (type) => {
      const html = `<div>text <script type="${type}">
a < b && "&lt;"
</script><textarea>area</textarea></div>`;
      expect(program(html)).toBe('a < b && "&lt;"');
    },
  );

  test("is in a text area, in it or as it", () => {
    expect(program("<div><textarea> a &lt; b\n</textarea></div>")).toBe("a < b");
    expect(program("<textarea>2 &lt; 3</textarea>")).toBe("2 < 3");
  });

  test("is the element's text", () => {
    expect(program("<pre>\n  a &lt; <b>b</b>\n</pre>")).toBe("a < b");
  });
});

const from = (html: string, language = "sage") =>
  programFor(undefined, undefined, page(html), language);
const script = (code: string) => from(`<div><script>${code}</script></div>`);

describe("indentation", () => {
  test.each([
    ["\n    x = 1\n    if x:\n        print(x)\n  ", "x = 1\nif x:\n    print(x)"],
    ["\n\t\tx = 1\n\t\tprint(x)", "x = 1\nprint(x)"],
    ["\n    x = 1\n\n    print(x)", "x = 1\n\nprint(x)"],
    ["\n    x = 1\n  \n      print(x)", "x = 1\n\n  print(x)"],
    ["\n        x = 1\n    y = 2", "x = 1\ny = 2"],
    ["x = 1\n    print(x)\n    y = 2", "x = 1\nprint(x)\ny = 2"],
    ['    s = """\nflush"""\n    print(s)', 's = """\nflush"""\nprint(s)'],
    ["\ufeff    x = 1\n    y = 2", "x = 1\ny = 2"],
    ["\ufeffprint(1)", "print(1)"],
    ["  \n\t\n", ""],
  ])("in common goes: %j", (code, program) => {
    expect(script(code)).toBe(program);
    expect(programFor(code, undefined, page("<div></div>"), "python")).toBe(program);
    expect(from(`<textarea>\n${code}</textarea>`)).toBe(program);
  });

  test.each([
    "if x:\n    print(x)",
    "if x:  # why\n    print(x)",
    "f(a,\n    b)",
    "x = [\n    1, 2]",
    's = """a\n    b"""',
    "x = 1 + \\\n    2",
    "def f():\n    return 1\nf()",
  ])("that means something stays: %j", (code) => {
    expect(script(code)).toBe(code);
  });

  test("mixes of tabs and spaces are no common indentation", () => {
    expect(script("  if x:\n\ty()")).toBe("if x:\n\ty()");
  });
});

describe("visual editors", () => {
  test.each([
    ["<div>x = 1<br>print(x)</div>", "x = 1\nprint(x)"],
    ["<div>x = 1<br />\nprint(x)<br></div>", "x = 1\nprint(x)"],
    ["<div><p>x = 1</p><p>print(x)</p></div>", "x = 1\nprint(x)"],
    ["<div>\n  <p>if x:</p>\n  <p>&nbsp;&nbsp; &nbsp;print(x)</p>\n</div>", "if x:\n    print(x)"],
    ["<div>x = 1<div>y = 2</div><div><br></div><div>z = 3</div></div>", "x = 1\ny = 2\n\nz = 3"],
    ["<pre>for a&nbsp;in b:<br>    <b>print</b>(a)</pre>", "for a in b:\n    print(a)"],
    ["<div><pre>if a:\n  b</pre></div>", "if a:\n  b"],
    ["<div>a &lt; b<!-- no program --></div>", "a < b"],
  ])("%s", (html, program) => {
    expect(from(html)).toBe(program);
  });

  test("in scripts, `code` and HTML, markup is what it says", () => {
    expect(script("print('<br><p>\u00a0')")).toBe("print('<br><p>\u00a0')");
    const code = "print('<br>\u00a0')";
    expect(programFor(code, undefined, page("<div></div>"), "sage")).toBe(code);
    expect(from("<div>&lt;p&gt;a\u00a0b<br>c</div>", "html")).toBe("<p>a\u00a0bc");
  });
});

describe("CDATA sections", () => {
  test.each([
    "<![CDATA[\nif 1 < 2 > 0:\n    print(a[b[0]])\n]]>",
    "//<![CDATA[\nif 1 < 2 > 0:\n    print(a[b[0]])\n//]]>\n",
    "# <![CDATA[\nif 1 < 2 > 0:\n    print(a[b[0]])\n# ]]>",
    "/* <![CDATA[ */\nif 1 < 2 > 0:\n    print(a[b[0]])\n/* ]]> */",
    "<!--//--><![CDATA[//><!--\nif 1 < 2 > 0:\n    print(a[b[0]])\n//--><!]]>",
    "<![CDATA[if 1 < 2 > 0:\n    print(a[b[0]])]]>",
  ])("are wrappers, in scripts and elements: %j", (wrapped) => {
    const program = "if 1 < 2 > 0:\n    print(a[b[0]])";
    expect(script(wrapped)).toBe(program);
    if (wrapped.startsWith("<![CDATA[")) expect(from(`<pre>${wrapped}</pre>`)).toBe(program);
  });

  test.each(["s = '<![CDATA[x]]>'", "<![CDATA[ x", "x]]>", "]]><![CDATA["])(
    "a part of a program is none: %j",
    (code) => {
      expect(script(code)).toBe(code);
    },
  );

  test("one line", () => {
    expect(script("<![CDATA[ x = 1 ]]>")).toBe("x = 1");
    expect(script("/*<![CDATA[*/x = 1/*]]>*/")).toBe("x = 1");
  });
});
