/** The room that a cell takes on the page while its style sheet is on its way, as that says it. */

import type { CellPlan } from "./plan";

/** In ems of the cell's text: a character and a line of a program, and what is beside and around them. */
const CHARACTER = 0.5625;
const LINE = 1.40625;
const BESIDE = 3.6;
const AROUND = 1.4;

/** The summary of a fold, in ems. */
const SUMMARY = 1.8;

/** Lines of an editor that somebody may write in, at least. */
const LEAST = 4;

/** Characters of a program that fit into one line of an editor in `element`. */
export function columnsIn(element: HTMLElement): number {
  const size = parseFloat(getComputedStyle(element).fontSize) || 16;
  const columns = Math.floor((element.clientWidth / size - BESIDE) / CHARACTER);
  return columns > 0 ? columns : Infinity;
}

/** The height of a cell's editor, and of its buttons' `bar` in ems, as a length of CSS. */
export function heightOf(plan: CellPlan, bar: number, columns: number): string {
  const { hide, collapse, editor, code } = plan;
  const fold = collapse === null ? 0 : SUMMARY;
  if (collapse === true) return `${fold}em`;
  if (hide.has("editor")) return `${fold + bar}em`;
  const lines = code
    .split("\n")
    .reduce((sum, { length }) => sum + Math.max(1, Math.ceil(length / columns)), 0);
  const shown = editor.endsWith("-readonly") ? lines : Math.max(lines, LEAST);
  return `calc(min(70vh, ${shown * LINE + AROUND}em) + 2px + ${fold + bar}em)`;
}
