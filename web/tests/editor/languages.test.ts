// @vitest-environment node
import { execFileSync } from "node:child_process";

import { describe, expect, test } from "vitest";

import { ALL, language, literal } from "../../src/editor/languages";

/** The values of Python literals, as Python reads them. */
function evaluated(literals: readonly string[]): unknown {
  const program =
    "import ast, json, sys\n" +
    "print(json.dumps([ast.literal_eval(text) for text in json.load(sys.stdin)]))";
  return JSON.parse(
    execFileSync("python3", ["-c", program], { input: JSON.stringify(literals), encoding: "utf8" }),
  );
}

const TEXTS = [
  "",
  "print(1)\nprint(2)\n",
  '"""',
  '""""',
  'ends with "',
  "ends with \\",
  '\\"""',
  "a\\nb \\x41 \\u0041 \\N{BULLET}",
  "tab\t cr\r crlf\r\n form\f nul\0 bell\x07 del\x7f",
  "naïve 𝔸 \u2028\u2029\ufeff",
  "{x} %s ${y} `z`",
  '""" + __import__("os").getcwd() + """',
  "\\",
  '"',
];

describe("a literal", () => {
  // contract: 5.5
  test("is exactly the text to Python", () => {
    expect(evaluated(TEXTS.map(literal))).toEqual(TEXTS);
  });

  // contract: 5.5
  test("of random characters, too, and of all in a row", () => {
    const all = Array.from({ length: 0x250 }, (_, code) => String.fromCharCode(code));
    const texts = [...all, all.join(""), all.toReversed().join("")];
    for (let seed = 1, i = 0; i < 300; i += 1) {
      let text = "";
      for (let length = 0; length < 12; length += 1) {
        seed = (seed * 48271) % 2147483647;
        text += '"\\\n\ra{'.charAt(seed % 6);
      }
      texts.push(text);
    }
    expect(evaluated(texts.map(literal))).toEqual(texts);
  });

  test("of a lone surrogate can be sent", () => {
    expect(literal("a\ud800b\udc00")).toBe('"""a\\ud800b\\udc00"""');
    expect(literal("\ud83d\ude00")).toBe('"""\ud83d\ude00"""');
  });

  test("keeps the program's lines", () => {
    expect(literal("a\nb\n").split("\n")).toHaveLength(3);
  });
});

// contract: 5.5
test("each language has its own wrapping", () => {
  expect(ALL).toEqual([
    "sage",
    "gap",
    "gp",
    "html",
    "macaulay2",
    "maxima",
    "octave",
    "python",
    "r",
    "singular",
  ]);
  expect(language("sage").wrap("1 + x^2")).toBe("1 + x^2");
  expect(language("python").wrap("%time 'a\\n'")).toBe("%time 'a\\n'");
  expect(language("html").wrap("<b>")).toBe('html("""<b>""")');
  for (const name of ["gap", "gp", "macaulay2", "maxima", "singular"]) {
    expect(language(name).wrap('"')).toBe(`print(${name}.eval("""\\""""))`);
  }
});

// contract: 5.5
test("R and Octave write their pictures", () => {
  const r = language("r").wrap("plot(1)");
  expect(r).toMatch(/^print\(r\.eval\("""options\(bitmapType='cairo'\)\nplot\(1\)\ngraphics\.off/);
  const octave = language("octave").wrap("plot(1)");
  expect(octave).toMatch(/^print\(octave\.eval\("""[^]*\nplot\(1\)\n[^]*octave\.png/);
});

test.each(["fortran", "toString", "__proto__", ""])("%j is sent unwrapped", (name) => {
  expect(language(name).wrap("x")).toBe("x");
});
