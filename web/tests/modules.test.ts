import type { Rolldown } from "vite";
import { expect, test } from "vitest";

import { firstModules } from "../modules";
import { built } from "./build";

const chunk = (name: string, fileName: string, ...imports: string[]) =>
  ({ type: "chunk", name, fileName, imports }) as unknown as Rolldown.OutputChunk;

const OUTPUTS = [
  chunk("base", "base.js"),
  chunk("editor", "editor.js", "words.js", "base.js"),
  chunk("words", "words.js", "base.js"),
  chunk("embedded_cells", "embedded_cells.js", "helper.js"),
  chunk("helper", "helper.js"),
  chunk("cells", "cells.js", "helper.js", "base.js"),
  chunk("katex", "katex.js", "base.js"),
  chunk("next", "next.js"),
];

test("each module that a first cell needs is named once, those on demand are not", () => {
  expect(firstModules(OUTPUTS)).toEqual({
    cells: ["embedded_cells.js", "cells.js", "helper.js", "base.js"],
    editor: ["editor.js", "words.js"],
    next: "next.js",
  });
  expect(() => firstModules(OUTPUTS.slice(2))).toThrow("editor");
});

test("the page and the script name files of the build", { timeout: 120_000 }, async () => {
  const page = await built("vite.config.ts");
  const { cells, editor, next } = firstModules(page);
  const html = page.find(({ fileName }) => fileName === "index.html");
  const [script] = await built("vite.script.config.ts");
  if (html?.type !== "asset" || script?.type !== "chunk") throw new Error("no page or no script");
  for (const file of [...cells, ...editor]) {
    expect(String(html.source)).toContain(`"static/${file}"`);
    expect(script.code).toContain(file);
  }
  const classic = page.find(({ fileName }) => fileName === next);
  expect(classic?.type === "chunk" && [...classic.imports, ...classic.exports]).toEqual([]);
  // It finds only the links that the browser has parsed before it.
  const [before, after] = String(html.source).split(`"static/${next}"`);
  expect(before?.match(/<link data-next /g)).toHaveLength(cells.length + editor.length);
  expect(after).not.toContain("data-next");
});
