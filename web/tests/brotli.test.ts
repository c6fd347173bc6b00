import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brotliDecompressSync } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";

import { brotli } from "../brotli";

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "brotli-"))));
afterEach(() => rmSync(folder, { recursive: true }));

test("scripts and style sheets have a compressed copy", () => {
  const names = ["a.js", "b.css", "c.html", "d.woff2"];
  for (const name of names) writeFileSync(join(folder, name), `${name} ä `.repeat(99));
  const write = brotli().writeBundle as unknown as (options: object, bundle: object) => void;
  write({ dir: folder }, Object.fromEntries(names.map((name) => [name, {}])));
  expect(readdirSync(folder).sort()).toEqual([...names, "a.js.br", "b.css.br"].sort());
  const text = brotliDecompressSync(readFileSync(join(folder, "b.css.br"))).toString();
  expect(text).toBe("b.css ä ".repeat(99));
});
