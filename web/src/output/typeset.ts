/** TeX as it should look. KaTeX is fetched when the first formula needs it. */

import { type Formula, nextFormula } from "./math";

/** Text in these is somebody's program or says that it wants to be left alone. */
const VERBATIM = "pre, code, samp, kbd, style, svg, math, .tex2jax_ignore, .katex";

/** What a text/latex representation shows: its formulas, or all of it where it marks none. */
export function renderLatex(source: string): HTMLElement {
  const element = document.createElement("div");
  element.className = "sagecell_latex";
  if (nextFormula(source, 0) === null) {
    const whole = { start: 0, end: source.length, tex: source, display: true };
    element.append(placeholder(source, whole));
  } else {
    const text = document.createTextNode(source);
    element.append(text);
    split(text);
  }
  fill(element);
  return element;
}

/** Typesets the formulas that stand in the text of `root`. */
export function typesetText(root: HTMLElement): void {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  const texts: Text[] = [];
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    const text = node as Text;
    if (/[$\\]/.test(text.data) && text.parentElement?.closest(VERBATIM) === null) texts.push(text);
  }
  texts.forEach(split);
  fill(root);
}

/** Replaces `text` by its plain parts and a placeholder for each formula. */
function split(text: Text): void {
  const source = text.data;
  const parts: (string | Node)[] = [];
  let from = 0;
  for (let found = nextFormula(source, 0); found !== null; found = nextFormula(source, from)) {
    parts.push(source.slice(from, found.start), placeholder(source, found));
    from = found.end;
  }
  if (from > 0) text.replaceWith(...parts, source.slice(from));
}

function placeholder(source: string, formula: Formula): HTMLElement {
  const element = document.createElement("span");
  element.className = formula.display ? "sagecell_math sagecell_math_display" : "sagecell_math";
  element.textContent = source.slice(formula.start, formula.end);
  element.dataset["tex"] = formula.tex;
  return element;
}

/** Fills the placeholders in `root` when KaTeX is there; until then they show their source. */
function fill(root: HTMLElement): void {
  const waiting = root.querySelectorAll<HTMLElement>(".sagecell_math[data-tex]");
  if (waiting.length === 0) return;
  import("./katex").then(
    ({ typeset }) => waiting.forEach(typeset),
    () => undefined, // The source stays readable.
  );
}
