/** The height of a cell before its style sheet and its output are there, as that sheet determines it. */

import type { CellPlan } from "./plan";

/** The text of an editor, and on a narrow page, which has it larger, in ems of the cell's text. */
const TEXT = 0.9375;
const NARROW_TEXT = 1;

/** In ems of the editor's text: a character, a line. */
const CHARACTER = 0.602;
const LINE = 1.5;

/** The space beside the lines, and above and below them, in ems of the cell's text. */
const BESIDE = 3.6;
const NARROW_BESIDE = 3;
const AROUND = 1.4;

/** The summary of a fold, in ems. */
const SUMMARY = 1.8;

/** The line of the state below the buttons of a narrow page, in ems. */
const STATE = 1.93;

/** The widest page of which the sheet says that it is narrow: 30rem, in px. */
const NARROW = 480;

/** An output of one line, and what is above and below an output, in ems. */
const LINE_OUT = 1.35;
const AROUND_OUTPUT = 3.42;

/**
 * The frame of an interact with its bookmarks, an output of one line and the note that it is resting,
 * and each of its controls, in rems.
 */
const FRAME = 8.6;
const NARROW_FRAME = 10;
const CONTROL = 2.65;
const NARROW_CONTROL = 3.89;

/** An interact, up to the parameters of its function. */
const INTERACT = /^@interact\b.*\n(?:@.*\n)*def\s+\w+\(/m;

/** The least number of lines of an editor that is not read-only. */
const LEAST = 4;

/** What the heights of all cells of a page depend on. */
export interface PageLayout {
  /** The number of characters in one line of an editor; infinite without a layout. */
  readonly columns: number;
  /** Whether the page is as narrow as a phone. */
  readonly isNarrow: boolean;
}

/** Measures a page with a cell in `element`, for which the browser lays all of it out. */
export function layoutAt(element: HTMLElement): PageLayout {
  const isNarrow = innerWidth <= NARROW;
  const size = parseFloat(getComputedStyle(element).fontSize) || 16;
  const width = (element.clientWidth - 2) / size - (isNarrow ? NARROW_BESIDE : BESIDE);
  const columns = Math.floor(width / (CHARACTER * textOf(isNarrow)));
  return { columns: columns > 0 ? columns : Infinity, isNarrow };
}

/** What the height of a cell depends on. */
export type Sized = Pick<
  CellPlan,
  "hide" | "collapse" | "editor" | "code" | "languages" | "autoeval" | "isNarrow"
>;

/** What the height of its output depends on. */
export type OutputSized = Pick<CellPlan, "autoeval" | "hide" | "code" | "isNarrow">;

/** The height of a cell's editor and buttons, as a CSS length; `columns` characters fit into a line. */
export function heightOf(plan: Sized, columns: number): string {
  const { hide, collapse, editor, code, isNarrow } = plan;
  if (hide.has("editor")) return `${barOf(plan)}em`;
  const rest = (collapse === null ? 0 : SUMMARY) + barOf(plan);
  if (collapse === true) return `${rest}em`;
  const lines = code.split("\n").reduce((sum, line) => sum + wrapped(line, columns), 0);
  // The least height is that of lines of a wide page.
  const least = editor.endsWith("-readonly") ? 0 : LEAST * LINE * TEXT;
  const shown = Math.max(lines * LINE * textOf(isNarrow), least) + AROUND;
  return `calc(min(70vh, ${shown}em) + 2px + ${rest}em)`;
}

/**
 * The height of the output that a cell has without being asked, as a CSS length: one line of text, or
 * an interact whose output is one line. Empty if the cell waits to be asked.
 */
export function outputHeightOf({ autoeval, hide, code, isNarrow }: OutputSized): string {
  if (!autoeval || hide.has("output")) return "";
  const controls = controlsIn(code);
  if (controls === null) return `${LINE_OUT + AROUND_OUTPUT}em`;
  const frame = isNarrow ? NARROW_FRAME + controls * NARROW_CONTROL : FRAME + controls * CONTROL;
  return `calc(${AROUND_OUTPUT}em + ${frame}rem)`;
}

/** The number of controls of a program's first interact: its parameters; null without an interact. */
function controlsIn(code: string): number | null {
  const found = INTERACT.exec(code);
  if (found === null) return null;
  const parameters = code.slice(found.index + found[0].length);
  let [depth, count, isEmpty] = [0, 0, true];
  for (const character of parameters) {
    if (")]}".includes(character) && depth-- === 0) break;
    if ("([{".includes(character)) depth += 1;
    if (depth === 0 && character === ",") [count, isEmpty] = [count + 1, true];
    else if (character.trim() !== "") isEmpty = false;
  }
  return isEmpty ? count : count + 1;
}

/** The number of lines into which an editor folds a line, between words where it can. */
function wrapped(line: string, columns: number): number {
  let [lines, column] = [1, 0];
  for (const { length } of line.match(/\S+\s?|\s/g) ?? []) {
    if (column > 0 && column + length > columns) [lines, column] = [lines + 1, 0];
    column += length;
    // A word that is longer than a line.
    for (; column > columns; column -= columns) lines += 1;
  }
  return lines;
}

/** The size of an editor's text, in ems of the cell's. */
function textOf(isNarrow: boolean): number {
  return isNarrow ? NARROW_TEXT : TEXT;
}

/** The height of the bar of buttons with its margin, in ems; see cell.css. */
function barOf({ hide, languages, autoeval, isNarrow }: Sized): number {
  // Only a cell that is evaluated has a line for the state there.
  if (!hide.has("evalButton")) return 3 + (autoeval && isNarrow ? STATE : 0);
  const hasFullScreen = !hide.has("fullScreen") && !hide.has("editor");
  const hasLanguage = !hide.has("language") && languages.length > 1;
  return hasFullScreen || hasLanguage || !hide.has("permalink") ? 2.75 : 0;
}
