/** Typesetting with KaTeX; loaded on demand. */

import katex from "katex";
import "katex/dist/katex.min.css";

/** Replaces the TeX in a placeholder of `typeset.ts` by the formula; ignores other elements. */
export function typeset(element: HTMLElement): void {
  const tex = element.dataset["tex"];
  if (tex === undefined) return;
  delete element.dataset["tex"];
  katex.render(tex, element, {
    displayMode: element.classList.contains("sagecell_math_display"),
    throwOnError: false,
    errorColor: "currentColor",
    strict: "ignore",
    trust: false,
    maxSize: 50,
    maxExpand: 1000,
  });
}
