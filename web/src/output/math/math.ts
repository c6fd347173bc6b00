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

/** The formula that begins exactly at `start`, or null. */
export function formulaAt(text: string, start: number): Formula | null {
  const two = text.slice(start, start + 2);
  if (two === "\\$") return null;
  if (two === "$$") return delimited(text, start, "$$", "$$", true);
  if (two === "\\[") return delimited(text, start, "\\[", "\\]", true);
  if (two === "\\(") return delimited(text, start, "\\(", "\\)", false);
  if (two[0] === "$") return dollars(text, start);
  if (two === "\\b") return environment(text, start);
  return null;
}

/** The first formula that begins at `from` or later, or null. */
export function nextFormula(text: string, from: number): Formula | null {
  const opening = /\\?\$|\\[[(]|\\begin\{/g;
  opening.lastIndex = from;
  for (let found = opening.exec(text); found !== null; found = opening.exec(text)) {
    const formula = formulaAt(text, found.index);
    if (formula !== null) return formula;
    if (found[0] === "$" && text[found.index + 1] === "$") opening.lastIndex += 1;
  }
  return null;
}

function delimited(
  text: string,
  start: number,
  open: string,
  close: string,
  display: boolean,
): Formula | null {
  const from = start + open.length;
  const at = closing(text, close, from);
  if (at < 0 || text.slice(from, at).trim() === "") return null;
  return { start, end: at + close.length, tex: text.slice(from, at), display };
}

/** `$x$`, but not "$5 and $6": no white space inside next to a dollar, and no digit after it. */
function dollars(text: string, start: number): Formula | null {
  if (/^(?:\s|$)/.test(text.slice(start + 1, start + 2))) return null;
  for (let at = closing(text, "$", start + 1); at >= 0; at = closing(text, "$", at + 1)) {
    if (text.slice(start, at).includes("\n\n")) return null;
    if (/\s/.test(text[at - 1] ?? "")) continue;
    if (/\d/.test(text[at + 1] ?? "")) return null;
    return { start, end: at + 1, tex: text.slice(start + 1, at), display: false };
  }
  return null;
}

function environment(text: string, start: number): Formula | null {
  const name = /^\\begin\{([a-zA-Z]+\*?)\}/.exec(text.slice(start, start + 40))?.[1];
  if (name === undefined) return null;
  const end = closing(text, `\\end{${name}}`, start);
  if (end < 0) return null;
  const stop = end + name.length + 6;
  return { start, end: stop, tex: text.slice(start, stop), display: true };
}

/** The index of the first unescaped `close` within the maximal length of a formula, or -1. */
function closing(text: string, close: string, from: number): number {
  for (let at = text.indexOf(close, from); at >= 0; at = text.indexOf(close, at + 1)) {
    if (at - from > LONGEST) return -1;
    // An odd number of backslashes before it escapes it.
    if (!/(?<!\\)\\(?:\\\\)*$/.test(text.slice(Math.max(from, at - 8), at))) return at;
  }
  return -1;
}
