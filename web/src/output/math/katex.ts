/** Typesetting with KaTeX; loaded on demand. */

import katex from "katex";
import "katex/dist/katex.min.css";

import { type Macros, newMacros, supported } from "./dialect";

/** Macros that formulas may define; more than these are forgotten. */
const MOST_MACROS = 1000;

/** The macros of all formulas on the page so far, as MathJax has them. */
let macros: Macros = newMacros();

/** Replaces the TeX in a placeholder of `typeset.ts` by the formula; ignores other elements. */
export function typeset(element: HTMLElement): void {
  const tex = element.dataset["tex"];
  if (tex === undefined) return;
  delete element.dataset["tex"];
  if (Object.keys(macros).length > MOST_MACROS) macros = newMacros();
  const displayMode = element.classList.contains("sagecell_math_display");
  katex.render(supported(tex, displayMode), element, {
    displayMode,
    throwOnError: false,
    errorColor: "currentColor",
    strict: "ignore",
    trust: false,
    maxSize: 50,
    maxExpand: 1000,
    macros,
    // What a formula defines, later ones can use.
    globalGroup: true,
  });
  const unset = element.firstElementChild;
  if (unset?.classList.contains("katex-error")) unset.textContent = tex;
}
