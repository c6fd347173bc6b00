/** embedded_cells.js: what embedded_sagecell.js loads with the first cell, under a name that stays. */

import type { Cells } from "./sagecell";

export async function cellsFrom(root: string): Promise<Cells> {
  const { PageCells } = await import("../cells");
  return PageCells.inBrowser(root);
}
