import { beforeAll, expect, test } from "vitest";

import { sizesOf } from "../sizes";
import { type Output, built } from "./build";

const REMEDY = "`npm run sizes` writes sizes.json; the commit says why something has grown";

let page: Output[];
let script: Output[];
let frame: Output[];
let scene: Output[];
let admin: Output[];

beforeAll(async () => {
  page = await built("vite.config.ts");
  script = await built("vite.script.config.ts");
  frame = await built("vite.frame.config.ts");
  scene = await built("vite.scene.config.ts");
  admin = await built("vite.admin.config.ts");
}, 120_000);

test("every script and style sheet is as large as sizes.json says", async () => {
  const text = JSON.stringify(sizesOf([...page, ...script, ...frame, ...scene, ...admin]), null, 2);
  await expect(`${text}\n`, REMEDY).toMatchFileSnapshot("../sizes.json");
});

test("chunks loaded on demand do not change with the cells", () => {
  const cells = page.find(({ fileName }) => fileName.startsWith("assets/cells-"))!.fileName;
  const importers = page.filter((each) => each.type === "chunk" && each.imports.includes(cells));
  expect(importers.map(({ fileName }) => fileName)).toEqual([]);
});

test("copies and licences do not count, nor the hashes of other files", () => {
  const chunk = (fileName: string, code: string) =>
    ({ type: "chunk", fileName, code }) as unknown as Output;
  const asset = (fileName: string, source: string) =>
    ({ type: "asset", fileName, source }) as unknown as Output;
  const files = (hash: string) => [
    chunk("entry.js", `import("./assets/cells-${hash}.js")`),
    chunk(`assets/cells-${hash}.js`, "cells()"),
    asset(`assets/cells-${hash}.css`, "a{color:red}"),
    asset("jquery-1.5.min.js", "copied()"),
    asset("licences.txt", "free"),
  ];
  const sizes = sizesOf(files("aB3_-xYz"));
  expect(Object.keys(sizes)).toEqual(["assets/cells.css", "assets/cells.js", "entry.js"]);
  expect(sizesOf(files("C63pycqm"))).toEqual(sizes);
  const grown = sizesOf([chunk("entry.js", `${"x".repeat(9)}import("./assets/cells.js")`)]);
  expect(grown["entry.js"]).toBeGreaterThan(sizes["entry.js"]!);
});
