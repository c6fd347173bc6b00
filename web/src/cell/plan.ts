/** The settings of one cell, with every default filled in. */

import type { JsonObject } from "../protocol/messages";
import type { EditorKind } from "../publicapi";

/** Where scripts in output run: in the page, in a frame for each output, or nowhere. */
export type ScriptPlace = "page" | "frame" | "none";

/** The settings of one cell; `EmbedOptions` describes those with the same names. */
export interface CellPlan {
  /** 1 for the first cell that was made on the page; part of the cell's labels. */
  readonly number: number;
  /** Whether the page was as narrow as a phone when the cell was made. */
  readonly isNarrow: boolean;
  /** Where the editor and the buttons go; its content is replaced. */
  readonly input: HTMLElement;
  /** Where output goes; may be the same element. */
  readonly output: HTMLElement;
  /** The page's own text area for the program, which stays on the page; null for none. */
  readonly area: HTMLTextAreaElement | null;
  readonly code: string;
  readonly editor: EditorKind;
  readonly evalButtonText: string;
  /** Names of the parts to hide. */
  readonly hide: ReadonlySet<string>;
  readonly isDebug: boolean;
  readonly replaceOutput: boolean;
  readonly languages: readonly string[];
  readonly language: string;
  /** Cells with the same key share a kernel; null for a kernel of its own. */
  readonly linkKey: string | null;
  readonly autoeval: boolean;
  /** The state of each interact to restore, in order of appearance. */
  readonly interacts: readonly JsonObject[];
  /** Whether the input is collapsible: true initially closed, false open, null not collapsible. */
  readonly collapse: boolean | null;
  /** Where scripts in output run. */
  readonly scripts: ScriptPlace;
  /** Whether the browser keeps the reader's program and its output for the next visit. */
  readonly keep: boolean;
  /** Whether completions are also offered after a pause in typing. */
  readonly completeWhileTyping: boolean;
  /** Whether each evaluation asks the server to store its program. */
  readonly permalink: boolean;
  /** The id of the permalink that has `code` and `interacts`; empty for none. */
  readonly permalinkId: string;
  /** Called with each permalink of an evaluation: its id and its absolute address. */
  readonly onPermalink: (id: string, address: string) => void;
  /** A sentence in the place of output before the first evaluation; empty for none. */
  readonly hint: string;
}
