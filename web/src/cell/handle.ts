/** The interface between embedded_sagecell.js and one cell. */

import type { JsonObject } from "../protocol/messages";
import type { CellSession } from "../publicapi";

/** A cell as embedded_sagecell.js sees it; `PageCells.make` returns one. */
export interface MadeCell {
  /** Runs the program; does nothing while it is running, or after `dispose`. */
  evaluate(): void;
  /** Removes the cell from the page; ends its kernels unless other cells share them. */
  dispose(): void;
  focus(): void;
  /** The state of the interacts that are shown. */
  readonly interacts: JsonObject[];
  readonly session: CellSession;
}
