/** What the script on a page holds of one cell. */

import type { JsonObject } from "../protocol/messages";
import type { CellSession } from "../publicapi";

/** A cell as the page's script has it; see cells.ts. */
export interface MadeCell {
  evaluate(): void;
  /** Takes the cell off the page and lets its kernel go, unless others share it. */
  dispose(): void;
  focus(): void;
  readonly interacts: JsonObject[];
  readonly session: CellSession;
}
