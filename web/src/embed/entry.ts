/** embedded_cells.js: loaded by embedded_sagecell.js with the first cell; its name has no hash. */

import type { Cells } from "./sagecell";

/** The cells for the server whose base address is `root`. Rejects when a chunk cannot be loaded. */
export async function cellsFrom(root: string): Promise<Cells> {
  const { PageCells } = await import("../cells");
  return PageCells.inBrowser(root);
}
