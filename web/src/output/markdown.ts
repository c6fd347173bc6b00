/** Markdown as HTML text, unsanitised; loaded on demand. */

import MarkdownIt from "markdown-it";

import { formulaAt } from "./math/math";

const markdown = new MarkdownIt({ html: true, linkify: true });

// Before "escape", which would take the backslash from \( and \[; the formula's source
// passes as it is, to be typeset with the rest of the sanitised page.
markdown.inline.ruler.before("escape", "formula", (state, silent) => {
  const formula = formulaAt(state.src, state.pos);
  if (formula === null || formula.end > state.posMax) return false;
  if (!silent) state.push("formula", "", 0).content = state.src.slice(formula.start, formula.end);
  state.pos = formula.end;
  return true;
});

// A backslash keeps a dollar from opening a formula when the text is looked through again.
markdown.inline.ruler.before("formula", "dollar", (state, silent) => {
  if (!state.src.startsWith("\\$", state.pos)) return false;
  if (!silent) state.push("dollar", "", 0);
  state.pos += 2;
  return true;
});

// Escaped, as text is.
Object.assign(markdown.renderer.rules, { formula: markdown.renderer.rules.text });
markdown.renderer.rules["dollar"] = () => '<span class="tex2jax_ignore">$</span>';

export function markdownToHtml(source: string): string {
  return markdown.render(source);
}
