/** Markdown to HTML; loaded on demand. */

import MarkdownIt from "markdown-it";

import { FormulaSearch } from "./math/math";

/** One search for each text, so that all of them stay linear. */
const searches = new WeakMap<object, FormulaSearch>();

const markdown = new MarkdownIt({ html: true, linkify: true });

// Before "escape", which would remove the backslash of \( and \[. The formula's source stays as it
// is, and is typeset later with the rest of the sanitised HTML.
markdown.inline.ruler.before("escape", "formula", (state, silent) => {
  const search = searches.get(state) ?? new FormulaSearch(state.src);
  searches.set(state, search);
  const formula = search.at(state.pos);
  if (formula === null || formula.end > state.posMax) return false;
  if (!silent) state.push("formula", "", 0).content = state.src.slice(formula.start, formula.end);
  state.pos = formula.end;
  return true;
});

// An escaped dollar must not begin a formula when the HTML is typeset later.
markdown.inline.ruler.before("formula", "dollar", (state, silent) => {
  if (!state.src.startsWith("\\$", state.pos)) return false;
  if (!silent) state.push("dollar", "", 0);
  state.pos += 2;
  return true;
});

// Escaped like text.
Object.assign(markdown.renderer.rules, { formula: markdown.renderer.rules.text });
markdown.renderer.rules["dollar"] = () => '<span class="tex2jax_ignore">$</span>';

/** The HTML for Markdown, not sanitised, with formulas left as TeX. */
export function markdownToHtml(source: string): string {
  return markdown.render(source);
}
