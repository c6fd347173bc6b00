import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import type { Plugin } from "vite";

/** Where the licences of all that is built from packages are, beside the page's other files. */
export const LICENCES = "third-party-licenses.txt";

/**
 * Packages of which files are copied as they are, or are in such a file: Vite, which lists what it
 * bundles itself, knows nothing of them. jQuery is in the script for pages besides.
 */
const COPIED = [
  "jquery",
  "sockjs-client",
  "debug",
  "inherits",
  "ms",
  "querystringify",
  "requires-port",
  "url-parse",
];

interface Package {
  name: string;
  version: string;
  license?: string;
}

/** Where a package is: what the SockJS client needs in another version is below it. */
function directory(name: string): string {
  const modules = join(import.meta.dirname, "node_modules");
  const own = join(modules, "sockjs-client", "node_modules", name);
  return existsSync(own) ? own : join(modules, name);
}

/** A package's part of the list, in the form of Vite's own. Throws if it has no licence. */
function entry(place: string): string {
  const read = (file: string): string => readFileSync(join(place, file), "utf8");
  const { name, version, license } = JSON.parse(read("package.json")) as Package;
  const file = readdirSync(place).find((each) => /^(?:licen[cs]e|copying)/i.test(each));
  const text =
    file === undefined ? /## licen[cs]e\s+([^]*)/i.exec(read("readme.md"))?.[1] : read(file);
  if (!text) throw new Error(`The package ${name} comes without its licence.`);
  return `\n## ${name} - ${version} (${license ?? "see below"})\n\n${text.trim()}\n`;
}

/** Adds the packages that are copied to the list of those that Vite bundles (`build.license`). */
export function copiedLicences(): Plugin {
  return {
    name: "copied-licences",
    apply: "build",
    generateBundle: {
      order: "post",
      handler(_options, bundle) {
        const list = bundle[LICENCES];
        if (list?.type !== "asset") throw new Error("There is no list of licences.");
        const listed = String(list.source);
        const missing = COPIED.filter((name) => !listed.includes(`\n## ${name} - `));
        const texts = missing.map((name) => entry(directory(name)));
        list.source = listed + texts.join("");
      },
    },
  };
}
