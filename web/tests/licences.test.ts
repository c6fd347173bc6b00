import { expect, test } from "vitest";

import { LICENCES } from "../licences";
import { built } from "./build";

/** The package of a module, as a list; empty for the project's own modules. */
function packages(module: string): string[] {
  const found = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(module.replaceAll("\0", ""));
  return found?.[1] === undefined ? [] : [found[1]];
}

test("each package in the build is listed with its licence", { timeout: 120_000 }, async () => {
  const page = await built("vite.config.ts");
  const script = await built("vite.script.config.ts");
  const made = [...page, ...script, ...(await built("vite.frame.config.ts"))];
  const modules = made.flatMap((each) => (each.type === "chunk" ? each.moduleIds : []));
  const names = new Set([...modules.flatMap(packages), "jquery", "sockjs-client"]);
  expect([...names]).toEqual(expect.arrayContaining(["@codemirror/view", "katex", "dompurify"]));
  const list = page.find((each) => each.fileName === LICENCES);
  if (list?.type !== "asset") throw new Error(`Vite has not written ${LICENCES}.`);
  const entries = String(list.source).split(/^## /m).slice(1);
  const texts = new Map(entries.map((each) => [each.split(" - ")[0], each]));
  for (const name of names) {
    expect(texts.get(name), name).toMatch(/copyright|permission|licen[cs]e/i);
    expect(texts.get(name)?.length, name).toBeGreaterThan(400);
  }
});
