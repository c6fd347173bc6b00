/** What the script on a page holds of one cell. */

import type { JsonObject } from "../protocol/messages";
import type { EditorData } from "./codemirror5";

/** A cell as the page's script has it; see cells.ts. */
export interface MadeCell {
  evaluate(): void;
  remove(): void;
  focus(): void;
  readonly editorData: EditorData;
  readonly interacts: JsonObject[];
  readonly session: Session;
}

/** The cell's kernel, as pages look at it. */
export interface Session {
  readonly linked: boolean;
  /** Null while there is none. */
  readonly kernel: { readonly id: string } | null;
}
