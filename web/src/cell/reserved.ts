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

/** What the height of a cell depends on. */
export type Sized = Pick<CellPlan, "hide" | "collapse" | "editor" | "code" | "languages">;

/** The height of a cell's editor and buttons, as a CSS length; `columns` characters fit into a line. */
export function heightOf(plan: Sized, columns: number): string {
  const { hide, collapse, editor, code } = plan;
  if (hide.has("editor")) return `${barOf(plan)}em`;
  const rest = (collapse === null ? 0 : SUMMARY) + barOf(plan);
  if (collapse === true) return `${rest}em`;
  const lines = code
    .split("\n")
    .reduce((sum, { length }) => sum + Math.max(1, Math.ceil(length / columns)), 0);
  const shown = editor.endsWith("-readonly") ? lines : Math.max(lines, LEAST);
  return `calc(min(70vh, ${shown * LINE + AROUND}em) + 2px + ${rest}em)`;
}

/** The height of the idle bar of buttons with its margin, in ems; see cell.css. */
function barOf({ hide, languages }: Sized): number {
  if (!hide.has("evalButton")) return 3;
  const hasFullScreen = !hide.has("fullScreen") && !hide.has("editor");
  const hasLanguage = !hide.has("language") && languages.length > 1;
  return hasFullScreen || hasLanguage || !hide.has("permalink") ? 2.75 : 0;
}
