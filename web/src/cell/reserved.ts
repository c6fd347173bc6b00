/** The height of a cell before its style sheet has been loaded, as that sheet determines it. */

import type { CellPlan } from "./plan";

/** In ems of the cell's text: a character, a line, the space beside the lines and above and below. */
const CHARACTER = 0.5625;
const LINE = 1.40625;
const BESIDE = 3.6;
const AROUND = 1.4;

/** The summary of a fold, in ems. */
const SUMMARY = 1.8;

/** The least number of lines of an editor that is not read-only. */
const LEAST = 4;

/** The number of characters in one line of an editor in `element`; infinite without a layout. */
export function columnsIn(element: HTMLElement): number {
  const size = parseFloat(getComputedStyle(element).fontSize) || 16;
  const columns = Math.floor((element.clientWidth / size - BESIDE) / CHARACTER);
  return columns > 0 ? columns : Infinity;
}

/** The height of a cell's editor and of its `bar` of buttons, which is in ems, as a CSS length. */
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
