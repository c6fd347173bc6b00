/** The languages that a cell may be written in, and how each reaches the kernel, which reads Python. */

import type { LanguageName } from "../publicapi";

export interface Language {
  /** As people write it. */
  readonly name: string;
  /** The editor's colours: Python's, or none. */
  readonly mode: "python" | "";
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

/** In the order in which pages offer them. */
export const ALL = Object.keys(LANGUAGES) as readonly LanguageName[];

/** The language called `name`; one that nobody knows goes to the kernel as it is. */
export function language(name: string): Language {
  return Object.hasOwn(LANGUAGES, name)
    ? LANGUAGES[name as LanguageName]
    : { name, mode: "", wrap: (code) => code };
}

/** A program that another program runs, through the object that the kernel has for it. */
function evaluated(
  name: string,
  object: string,
  dress: (code: string) => string = (code) => code,
): Language {
  return { name, mode: "", wrap: (code) => `print(${object}.eval(${literal(dress(code))}))` };
}

/** `text` as a Python literal whose value is exactly that text, whatever is in it. */
export function literal(text: string): string {
  // Newlines stay, so that the kernel's tracebacks have the reader's line numbers; a carriage
  // return would be read as one, and half of a surrogate pair has no UTF-8.
  const escaped = text.replace(
    // eslint-disable-next-line no-control-regex -- These are escaped.
    /[\\"\0-\x09\x0b-\x1f\x7f]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g,
    (character) => {
      if (character === "\\" || character === '"') return `\\${character}`;
      return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
    },
  );
  return `"""${escaped}"""`;
}
