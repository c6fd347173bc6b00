import { readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import type { EmbedOptions } from "../src/publicapi";
import { built } from "./build";

/** The names of all options; the compiler rejects missing and unknown ones. */
const OPTIONS: Record<keyof EmbedOptions, true> = {
  inputLocation: true,
  outputLocation: true,
  code: true,
  codeLocation: true,
  languages: true,
  defaultLanguage: true,
  evalButtonText: true,
  autoeval: true,
  linked: true,
  linkKey: true,
  editor: true,
  hide: true,
  template: true,
  replaceOutput: true,
  collapse: true,
  scripts: true,
  keep: true,
  completeWhileTyping: true,
  interacts: true,
  mode: true,
  callback: true,
  permalink: true,
  permalinkId: true,
  onPermalink: true,
  hint: true,
};

/** The terms of the definition list below a heading of docs/embedding.rst. */
function documented(heading: string): string[] {
  const path = join(import.meta.dirname, "../../docs/embedding.rst");
  const [, below = ""] = readFileSync(path, "utf8").split(`\n${heading}\n`);
  const [section = ""] = below.split(/\n\n[^\n]+\n-+\n/);
  const terms = section.match(/^``.*$/gm) ?? [];
  return terms.flatMap((term) => Array.from(term.matchAll(/``(\w+)``/g), ([, name]) => name!));
}

test("docs/embedding.rst explains exactly the options that exist", () => {
  expect(documented("Options").sort()).toEqual(Object.keys(OPTIONS).sort());
});

test("the types are served unchanged beside the script, and import nothing", async () => {
  const files = await built("vite.script.config.ts");
  expect(files.map(({ fileName }) => fileName).sort()).toEqual([
    "embedded_sagecell.d.ts",
    "embedded_sagecell.js",
  ]);
  const types = files.find(({ fileName }) => fileName.endsWith(".d.ts"));
  const source = types?.type === "asset" ? String(types.source) : "";
  expect(source).toContain("var sagecell: SagecellApi;");
  expect(source).not.toMatch(/^(?:import\b|export .* from\b)/m);
});
