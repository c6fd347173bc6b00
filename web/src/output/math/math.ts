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
export const LONGEST = 20_000;

/** Dollars that may be part of a formula, such as those in "\text{if $x$}". */
const MOST_DOLLARS = 100;

/** What closes a formula, an escaped character, a brace, a dollar, or the end of a paragraph. */
const MARK = /\\end\{[a-zA-Z]+\*?\}|\\[^]|[{}$]|\n\s*\n/g;

/** What may begin a formula. */
const OPENING = /\\?\$|\\[[(]|\\(?:begin|eqref|ref)\{/g;

/** A dollar that is not escaped. */
interface Dollar {
  readonly at: number;
  /** Opening braces before it, without those that are closed. */
  readonly depth: number;
  /** Ends of paragraphs before it. */
  readonly paragraph: number;
}

type Delimiter = "$" | "$$";

/** The marks of a text, in order. */
interface Marks {
  readonly dollars: readonly Dollar[];
  /** For each dollar, the index of the first one after it that closes a formula, or -1. */
  readonly closers: Readonly<Record<Delimiter, Int32Array>>;
  /** The indices in the text of each other closing delimiter. */
  readonly closings: ReadonlyMap<string, readonly number[]>;
}

/** The formulas in one text, found in linear time: the text is read once for what closes them. */
export class FormulaSearch {
  readonly #text: string;
  #known: Marks | null = null;

  constructor(text: string) {
    this.#text = text;
  }

  /** The formula that begins exactly at `start`, or null. */
  at(start: number): Formula | null {
    const two = this.#text.slice(start, start + 2);
    if (two === "\\$") return null;
    if (two === "$$") return this.#dollars(start, "$$");
    if (two === "\\[") return this.#delimited(start, "\\]");
    if (two === "\\(") return this.#delimited(start, "\\)");
    if (two[0] === "$") return this.#dollars(start, "$");
    if (two === "\\b") return this.#environment(start);
    if (two === "\\e" || two === "\\r") return this.#reference(start);
    return null;
  }

  /** The first formula that begins at `from` or later, or null. */
  next(from: number): Formula | null {
    OPENING.lastIndex = from;
    for (let found = OPENING.exec(this.#text); found; found = OPENING.exec(this.#text)) {
      const formula = this.at(found.index);
      if (formula !== null) return formula;
      if (found[0] === "$" && this.#text[found.index + 1] === "$") OPENING.lastIndex += 1;
    }
    return null;
  }

  get #marks(): Marks {
    return (this.#known ??= marksOf(this.#text));
  }

  #delimited(start: number, close: "\\]" | "\\)"): Formula | null {
    const from = start + 2;
    const at = this.#closing(close, from);
    if (at === null || this.#text.slice(from, at).trim() === "") return null;
    return { start, end: at + 2, tex: this.#text.slice(from, at), display: close === "\\]" };
  }

  /** `$x$` or `$$x$$`, but not "$5 and $6": no white space next to a `$`, and no digit after it. */
  #dollars(start: number, delimiter: Delimiter): Formula | null {
    const text = this.#text;
    const display = delimiter === "$$";
    const from = start + delimiter.length;
    if (!display && !/\S/.test(text.charAt(from))) return null;
    const { dollars, closers } = this.#marks;
    const first = lowerBound(dollars.length, (index) => (dollars[index]?.at ?? 0) < start);
    const last = closers[delimiter][first] ?? -1;
    const [opening, closing] = [dollars[first], dollars[last]];
    if (opening?.at !== start || closing === undefined) return null;
    if (closing.at - from > LONGEST || last - first - delimiter.length > MOST_DOLLARS) return null;
    if (!display && closing.paragraph > opening.paragraph) return null;
    const tex = text.slice(from, closing.at);
    if (tex.trim() === "" || (!display && /\d/.test(text.charAt(closing.at + 1)))) return null;
    return { start, end: closing.at + delimiter.length, tex, display };
  }

  /** A reference to an equation, which TeX allows outside of formulas. */
  #reference(start: number): Formula | null {
    const near = this.#text.slice(start, start + 120);
    const tex = /^\\(?:eq)?ref\{[^{}\n]{1,100}\}/.exec(near)?.[0];
    return tex === undefined ? null : { start, end: start + tex.length, tex, display: false };
  }

  #environment(start: number): Formula | null {
    const near = this.#text.slice(start, start + 40);
    const name = /^\\begin\{([a-zA-Z]+\*?)\}/.exec(near)?.[1];
    if (name === undefined) return null;
    const close = `\\end{${name}}`;
    const at = this.#closing(close, start);
    if (at === null) return null;
    const end = at + close.length;
    return { start, end, tex: this.#text.slice(start, end), display: true };
  }

  /** The index of the first `close` at `from` or later, within the maximal length of a formula. */
  #closing(close: string, from: number): number | null {
    const places = this.#marks.closings.get(close) ?? [];
    const at = places[lowerBound(places.length, (index) => (places[index] ?? 0) < from)];
    return at === undefined || at + close.length > from + LONGEST ? null : at;
  }
}

function marksOf(text: string): Marks {
  const dollars: Dollar[] = [];
  const closings = new Map<string, number[]>();
  let depth = 0;
  let paragraph = 0;
  MARK.lastIndex = 0;
  for (let found = MARK.exec(text); found !== null; found = MARK.exec(text)) {
    const [mark] = found;
    const at = found.index;
    if (mark === "$") dollars.push({ at, depth, paragraph });
    else if (mark === "{") depth += 1;
    else if (mark === "}") depth -= 1;
    else if (mark.startsWith("\n")) paragraph += 1;
    else if (/^\\(?:[\])]|end)/.test(mark)) {
      const places = closings.get(mark);
      if (places === undefined) closings.set(mark, [at]);
      else places.push(at);
    }
  }
  const closers = {
    $: closersOf(dollars, 1, (at) => /\S/.test(text.charAt(at - 1))),
    $$: closersOf(dollars, 2, (at) => text[at + 1] === "$"),
  };
  return { dollars, closers, closings };
}

/**
 * For each dollar, the index of the first that closes it: `gap` or more after it, within no more braces,
 * and fit to close; -1 for none.
 */
function closersOf(
  dollars: readonly Dollar[],
  gap: number,
  isFit: (at: number) => boolean,
): Int32Array {
  const closers = new Int32Array(dollars.length).fill(-1);
  const depthOf = (index: number | undefined) => dollars[index ?? -1]?.depth ?? -Infinity;
  // What may close an earlier dollar: the nearest last, and each in fewer braces than those after it.
  const fit: number[] = [];
  for (let index = dollars.length - 1; index >= 0; index -= 1) {
    const next = dollars[index + gap];
    if (next !== undefined && isFit(next.at)) {
      while (depthOf(fit.at(-1)) >= next.depth) fit.pop();
      fit.push(index + gap);
    }
    const depth = depthOf(index);
    const count = lowerBound(fit.length, (place) => depthOf(fit[place]) <= depth);
    closers[index] = fit[count - 1] ?? -1;
  }
  return closers;
}

/** The first index below `length` for which `isBefore` does not hold: it holds for a beginning of them. */
function lowerBound(length: number, isBefore: (index: number) => boolean): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isBefore(middle)) low = middle + 1;
    else high = middle;
  }
  return low;
}
