import { gzipSync } from "node:zlib";

import type { Rolldown } from "vite";

type Output = Rolldown.RolldownOutput["output"][number];

/** The part of a file name that depends on the content. */
const HASH = /-[\w-]{8}(?=\.(?:js|css)$)/;

function withoutHash(name: string): string {
  return name.replace(HASH, "");
}

/**
 * The size of each script and style sheet of a build in bytes after gzip, by name without hash.
 *
 * Hashes in the text are removed too, so that a size depends on the file's own content alone.
 * Copied libraries are left out.
 */
export function sizesOf(outputs: readonly Output[]): Record<string, number> {
  const hashed = outputs.map(({ fileName }) => fileName).filter((name) => HASH.test(name));
  const sizes: [name: string, bytes: number][] = [];
  for (const output of outputs) {
    if (output.type === "asset" && !output.fileName.endsWith(".css")) continue;
    let text = output.type === "chunk" ? output.code : String(output.source);
    for (const name of hashed) {
      const file = name.slice(name.lastIndexOf("/") + 1);
      text = text.replaceAll(file, withoutHash(file));
    }
    sizes.push([withoutHash(output.fileName), gzipSync(text).length]);
  }
  return Object.fromEntries(sizes.sort(([one], [other]) => one.localeCompare(other, "en")));
}
