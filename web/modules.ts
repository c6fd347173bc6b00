import type { Rolldown } from "vite";

/** The files of a build that a page with cells needs first, in the order in which it needs them. */
export interface FirstModules {
  /** The entry of the cells, and all that it imports. */
  readonly cells: readonly string[];
  /** The editor's chunk and its imports, without those above. */
  readonly editor: readonly string[];
  /** The script that requests both on the server's page. */
  readonly next: string;
}

type Chunk = Rolldown.OutputChunk;

/** Finds them among the files of the build with vite.config.ts. */
export function firstModules(outputs: Iterable<Rolldown.OutputAsset | Chunk>): FirstModules {
  const chunks = new Map<string, Chunk>();
  for (const output of outputs) if (output.type === "chunk") chunks.set(output.fileName, output);
  const named = (name: string) => {
    const found = [...chunks.values()].find((chunk) => chunk.name === name);
    if (found === undefined) throw new Error(`The build has no chunk ${name}.`);
    return found.fileName;
  };
  const withImports = (...names: string[]) => {
    const found = new Set(names.map(named));
    // Also visits those that are added meanwhile.
    for (const file of found) chunks.get(file)?.imports.forEach((each) => found.add(each));
    return found;
  };
  const cells = withImports("embedded_cells", "cells");
  const editor = withImports("editor");
  return {
    cells: [...cells],
    editor: [...editor].filter((file) => !cells.has(file)),
    next: named("next"),
  };
}
