import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import type { Plugin } from "vite";

/** The file with the licences of all packages in the build, beside the page's other files. */
export const LICENCES = "third-party-licenses.txt";

/**
 * Packages in files that are copied. Vite lists only those that it bundles.
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

/** Packages in the widgets of an output's frame, which another build bundles. */
const FRAMED = [
  "@fortawesome/fontawesome-free",
  "@jupyter-widgets/base",
  "@jupyter-widgets/base-manager",
  "@jupyter-widgets/controls",
  "@jupyter-widgets/html-manager",
  "@jupyter-widgets/output",
  "@lumino/algorithm",
  "@lumino/collections",
  "@lumino/commands",
  "@lumino/coreutils",
  "@lumino/disposable",
  "@lumino/domutils",
  "@lumino/dragdrop",
  "@lumino/keyboard",
  "@lumino/messaging",
  "@lumino/properties",
  "@lumino/signaling",
  "@lumino/virtualdom",
  "@lumino/widgets",
  "backbone",
  "base64-js",
  "d3-color",
  "d3-format",
  "jupyter-matplotlib",
  "lodash",
  "nouislider",
  "semver",
  "underscore",
];

/** The licence of packages that come without its text, though they name it. */
const WITHOUT_TEXT = /^@(?:jupyter-widgets|lumino)\//;

interface Package {
  name: string;
  version: string;
  license?: string;
}

/** The directory of a package; the SockJS client has some dependencies in versions of its own. */
function directory(name: string): string {
  const modules = join(import.meta.dirname, "node_modules");
  const own = join(modules, "sockjs-client", "node_modules", name);
  return existsSync(own) ? own : join(modules, name);
}

/** The entry of a package, in the format of Vite's list. Throws if it has no licence. */
function entry(place: string): string {
  const read = (file: string): string => readFileSync(join(place, file), "utf8");
  const { name, version, license } = JSON.parse(read("package.json")) as Package;
  const file = readdirSync(place).find((each) => /^(?:licen[cs]e|copying)/i.test(each));
  const text =
    file !== undefined
      ? read(file)
      : WITHOUT_TEXT.test(name)
        ? readFileSync(join(import.meta.dirname, "licences", "jupyter.txt"), "utf8")
        : /## licen[cs]e\s+([^]*)/i.exec(read("readme.md"))?.[1];
  if (!text) throw new Error(`The package ${name} contains no licence.`);
  return `\n## ${name} - ${version} (${license ?? "see below"})\n\n${text.trim()}\n`;
}

/** A Vite plugin that adds copied packages to Vite's list of licences (`build.license`). */
export function copiedLicences(): Plugin {
  return {
    name: "copied-licences",
    apply: "build",
    generateBundle: {
      order: "post",
      handler(_options, bundle) {
        const list = bundle[LICENCES];
        if (list?.type !== "asset") throw new Error(`Vite has not written ${LICENCES}.`);
        const listed = String(list.source);
        const missing = [...COPIED, ...FRAMED].filter(
          (name) => !listed.includes(`\n## ${name} - `),
        );
        const texts = missing.map((name) => entry(directory(name)));
        list.source = listed + texts.join("");
      },
    },
  };
}
