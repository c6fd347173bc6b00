import { gzipSync } from "node:zlib";

import type { Rolldown } from "vite";

type Output = Rolldown.RolldownOutput["output"][number];

/** The part of a name that changes with the file's content. */
const HASH = /-[\w-]{8}(?=\.(?:js|css)$)/;

function withoutHash(name: string): string {
  return name.replace(HASH, "");
}

/**
 * Bytes of each script and style sheet that was built, after gzip, by name without its hash.
 *
 * Hashes in the text do not count either: a file's size changes with its own content alone.
 * Libraries that are copied as they are do not count.
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
