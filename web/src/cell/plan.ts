/** What a page has asked of one cell, with every default filled in. */

import type { JsonObject } from "../protocol/messages";
import type { EditorKind } from "../publicapi";

export interface CellPlan {
  /** Where the editor and the buttons go; its content is replaced. */
  readonly input: HTMLElement;
  /** Where output goes; may be the same. */
  readonly output: HTMLElement;
  readonly code: string;
  readonly editor: EditorKind;
  readonly evalButtonText: string;
  /** Names of parts that are not shown. */
  readonly hide: ReadonlySet<string>;
  readonly isDebug: boolean;
  readonly replaceOutput: boolean;
  readonly languages: readonly string[];
  readonly language: string;
  /** Cells with the same key share a kernel; null for a kernel of its own. */
  readonly linkKey: string | null;
  readonly autoeval: boolean;
  /** What interacts were when a link was made, in their order. */
  readonly interacts: readonly JsonObject[];
  /** Whether the input is folded up: true closed, false open, null without a fold. */
  readonly collapse: boolean | null;
  /** Whether what programs say may do what the page may. */
  readonly scripts: boolean;
  /** Stands where output will be; nothing with an empty text. */
  readonly hint: string;
}
