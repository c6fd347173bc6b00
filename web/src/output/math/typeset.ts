/** Typesets TeX in output. KaTeX is loaded with the first formula that needs it. */

import { report } from "../../dom/errors";
import { hasMathJax, typesetByPage } from "./mathjax";
import { type Formula, FormulaSearch } from "./math";

/** Elements whose text is not typeset: programs, and those marked to be ignored. */
const VERBATIM = "pre, code, samp, kbd, style, svg, math, .tex2jax_ignore, .katex";

/** Formulas in one text or piece of HTML; an output cannot have more. */
const MOST_FORMULAS = 10_000;

/** An element for text/latex: with its formulas typeset, or all of it if it has no delimiters. */
export function renderLatex(source: string, byPage = false): HTMLElement {
  const element = document.createElement("div");
  element.className = "sagecell_latex";
  if (new FormulaSearch(source).next(0) === null) {
    const whole = { start: 0, end: source.length, tex: source, display: true };
    const formula = placeholder(source, whole);
    element.append(formula);
    fill([formula], byPage);
  } else {
    const text = document.createTextNode(source);
    element.append(text);
    fill(split(text, MOST_FORMULAS), byPage);
  }
  return element;
}

/** Typesets the formulas in `root`; with `byPage`, by the page's MathJax if it has one. */
export function typesetText(root: HTMLElement, byPage = false): void {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  const texts: Text[] = [];
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    const text = node as Text;
    if (/[$\\]/.test(text.data) && text.parentElement?.closest(VERBATIM) === null) texts.push(text);
  }
  const formulas: HTMLElement[] = [];
  for (const text of texts) formulas.push(...split(text, MOST_FORMULAS - formulas.length));
  fill(formulas, byPage);
}

/** Replaces `text` by its plain parts and a placeholder for each formula; these placeholders. */
function split(text: Text, most: number): HTMLElement[] {
  const source = text.data;
  const parts = document.createDocumentFragment();
  const search = new FormulaSearch(source);
  const formulas: HTMLElement[] = [];
  let from = 0;
  while (formulas.length < most) {
    const found = search.next(from);
    if (found === null) break;
    const formula = placeholder(source, found);
    parts.append(source.slice(from, found.start), formula);
    formulas.push(formula);
    from = found.end;
  }
  if (formulas.length > 0) {
    parts.append(source.slice(from));
    text.replaceWith(parts);
  }
  return formulas;
}

function placeholder(source: string, formula: Formula): HTMLElement {
  const element = document.createElement("span");
  element.className = formula.display ? "sagecell_math sagecell_math_display" : "sagecell_math";
  element.textContent = source.slice(formula.start, formula.end);
  element.dataset["tex"] = formula.tex;
  return element;
}

/**
 * Fills placeholders; they show their source until KaTeX or MathJax has loaded.
 *
 * What looks like one in a program's HTML stays as it is: nothing of its TeX would be counted as text.
 */
function fill(waiting: readonly HTMLElement[], byPage: boolean): void {
  if (waiting.length === 0) return;
  if (byPage && hasMathJax()) void fillByPage(waiting);
  else fillByKatex(waiting);
}

async function fillByPage(waiting: readonly HTMLElement[]): Promise<void> {
  for (const element of waiting) {
    const tex = element.dataset["tex"] ?? "";
    const isDisplay = element.classList.contains("sagecell_math_display");
    // Delimiters and classes that work with each configuration of MathJax.
    element.textContent = isDisplay ? `\\[${tex}\\]` : `\\(${tex}\\)`;
    element.classList.add("tex2jax_process", "mathjax_process");
  }
  const done = await typesetByPage(waiting).catch((error: unknown) => {
    report(error, "typesetting by the page's MathJax");
    return true; // The formulas stay as TeX.
  });
  if (!done) fillByKatex(waiting);
}

/** What is used of `katex.ts`, which is loaded with the first formula. */
interface Katex {
  readonly typesetAll: (elements: readonly HTMLElement[]) => void;
}

/** The one import of KaTeX, so that formulas are typeset in their order: macros are defined first. */
let katex: Promise<Katex> | null = null;

function fillByKatex(waiting: readonly HTMLElement[]): void {
  katex ??= import("./katex");
  katex.then(
    ({ typesetAll }) => typesetAll(waiting),
    (error: unknown) => {
      katex = null; // The source stays on the page; the next formula tries again.
      report(error, "loading KaTeX");
    },
  );
}
