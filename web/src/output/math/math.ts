/** Finds TeX formulas in text. */

/** A formula in a text. */
export interface Formula {
  /** The formula with its delimiters is `text.slice(start, end)`. */
  readonly start: number;
  readonly end: number;
  /** The TeX without its delimiters; of an environment, with \begin and \end. */
  readonly tex: string;
  /** Whether it is displayed on a line of its own. */
  readonly display: boolean;
}

/** A formula longer than this is more likely a stray delimiter. */
const LONGEST = 20_000;

/** Up to where a text has none of a closing delimiter. */
type Searched = Map<string, number>;

/** The formula that begins exactly at `start`, or null. */
export function formulaAt(
  text: string,
  start: number,
  searched: Searched = new Map(),
): Formula | null {
  const two = text.slice(start, start + 2);
  if (two === "\\$") return null;
  if (two === "$$") return dollars(text, start, "$$");
  if (two === "\\[") return delimited(text, start, "\\]", searched);
  if (two === "\\(") return delimited(text, start, "\\)", searched);
  if (two[0] === "$") return dollars(text, start, "$");
  if (two === "\\b") return environment(text, start, searched);
  if (two === "\\e" || two === "\\r") return reference(text, start);
  return null;
}

/** The first formula that begins at `from` or later, or null. */
export function nextFormula(text: string, from: number): Formula | null {
  const searched: Searched = new Map();
  const opening = /\\?\$|\\[[(]|\\(?:begin|eqref|ref)\{/g;
  opening.lastIndex = from;
  for (let found = opening.exec(text); found !== null; found = opening.exec(text)) {
    const formula = formulaAt(text, found.index, searched);
    if (formula !== null) return formula;
    if (found[0] === "$" && text[found.index + 1] === "$") opening.lastIndex += 1;
  }
  return null;
}

function delimited(
  text: string,
  start: number,
  close: "\\]" | "\\)",
  searched: Searched,
): Formula | null {
  const from = start + 2;
  const at = closing(text, close, from, searched);
  if (at < 0 || text.slice(from, at).trim() === "") return null;
  return { start, end: at + 2, tex: text.slice(from, at), display: close === "\\]" };
}

/** An escaped character, a brace, a dollar, or the end of a paragraph. */
const MARK = /\\[^]|[{}$]|\n\s*\n/g;

/** Dollars that may be part of a formula, such as those in "\text{if $x$}". */
const MOST_DOLLARS = 100;

/** `$x$` or `$$x$$`, but not "$5 and $6": no white space next to a `$`, and no digit after it. */
function dollars(text: string, start: number, delimiter: "$" | "$$"): Formula | null {
  const display = delimiter === "$$";
  const from = start + delimiter.length;
  if (!display && !/\S/.test(text.charAt(from))) return null;
  let depth = 0;
  let inner = 0;
  MARK.lastIndex = from;
  for (let found = MARK.exec(text); found !== null; found = MARK.exec(text)) {
    const at = found.index;
    if (at - from > LONGEST) return null;
    const mark = found[0];
    if (mark === "{") depth += 1;
    else if (mark === "}") depth -= 1;
    else if (mark.startsWith("\n")) {
      if (!display) return null;
    } else if (mark === "$") {
      const closes = depth <= 0 && text.startsWith(delimiter, at);
      if (closes && (display || /\S/.test(text.charAt(at - 1)))) {
        const tex = text.slice(from, at);
        if (tex.trim() === "" || (!display && /\d/.test(text.charAt(at + 1)))) return null;
        return { start, end: at + delimiter.length, tex, display };
      }
      inner += 1;
      if (inner > MOST_DOLLARS) return null;
    }
  }
  return null;
}

/** A reference to an equation, which TeX allows outside of formulas. */
function reference(text: string, start: number): Formula | null {
  const tex = /^\\(?:eq)?ref\{[^{}\n]{1,100}\}/.exec(text.slice(start, start + 120))?.[0];
  return tex === undefined ? null : { start, end: start + tex.length, tex, display: false };
}

function environment(text: string, start: number, searched: Searched): Formula | null {
  const name = /^\\begin\{([a-zA-Z]+\*?)\}/.exec(text.slice(start, start + 40))?.[1];
  if (name === undefined) return null;
  const end = closing(text, `\\end{${name}}`, start, searched);
  if (end < 0) return null;
  const stop = end + name.length + 6;
  return { start, end: stop, tex: text.slice(start, stop), display: true };
}

/**
 * The index of the first unescaped `close` within the maximal length of a formula, or -1; does not
 * search again what has been searched.
 */
function closing(text: string, close: string, from: number, searched: Searched): number {
  const begin = Math.max(from, searched.get(close) ?? 0);
  const near = text.slice(begin, from + LONGEST);
  for (let found = near.indexOf(close); found >= 0; found = near.indexOf(close, found + 1)) {
    const at = begin + found;
    // An odd number of backslashes before it escapes it.
    if (!/(?<!\\)\\(?:\\\\)*$/.test(text.slice(Math.max(from, at - 8), at))) return at;
  }
  searched.set(close, from + LONGEST - close.length);
  return -1;
}
