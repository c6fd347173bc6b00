/** The languages of cells, and how a program in each becomes one that the kernel can run. */

import type { LanguageName } from "../publicapi";

/** How a language is shown, highlighted and run. */
export interface Language {
  /** The name for people. */
  readonly name: string;
  /** The syntax highlighting: Python's, or none. */
  readonly mode: "python" | "";
  /** The program to send to the kernel for `code`. */
  readonly wrap: (code: string) => string;
}

const LANGUAGES: Readonly<Record<LanguageName, Language>> = {
  sage: { name: "Sage", mode: "python", wrap: (code) => code },
  gap: evaluated("GAP", "gap"),
  gp: evaluated("GP", "gp"),
  html: { name: "HTML", mode: "", wrap: (code) => `html(${literal(code)})` },
  macaulay2: evaluated("Macaulay2", "macaulay2"),
  maxima: evaluated("Maxima", "maxima"),
  octave: evaluated("Octave", "octave", (code) =>
    [
      'set(0, "defaultfigurevisible", "off");',
      code,
      'if !isempty(get(0, "children")) print("-dpng", "octave.png"); close("all"); endif',
    ].join("\n"),
  ),
  python: { name: "Python", mode: "python", wrap: (code) => code },
  r: evaluated("R", "r", (code) =>
    ["options(bitmapType='cairo')", code, "graphics.off()"].join("\n"),
  ),
  singular: evaluated("Singular", "singular"),
};

/** All names of languages, in the order of the menu. */
export const ALL = Object.keys(LANGUAGES) as readonly LanguageName[];

/** The language called `name`; a program in an unknown language is sent unwrapped. */
export function language(name: string): Language {
  return Object.hasOwn(LANGUAGES, name)
    ? LANGUAGES[name as LanguageName]
    : { name, mode: "", wrap: (code) => code };
}

/** A language that an interpreter of its own runs, through the kernel's variable `object`. */
function evaluated(
  name: string,
  object: string,
  prepare: (code: string) => string = (code) => code,
): Language {
  return { name, mode: "", wrap: (code) => `print(${object}.eval(${literal(prepare(code))}))` };
}

/** A Python string literal whose value is exactly `text`, whatever it contains. */
export function literal(text: string): string {
  // Newlines stay, so that tracebacks have the right line numbers. Python reads a carriage return
  // as a newline, and a lone surrogate has no UTF-8.
  const escaped = text.replace(
    // eslint-disable-next-line no-control-regex -- They are escaped here.
    /[\\"\0-\x09\x0b-\x1f\x7f]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g,
    (character) => {
      if (character === "\\" || character === '"') return `\\${character}`;
      return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
    },
  );
  return `"""${escaped}"""`;
}
