import { readFileSync } from "node:fs";
import { join } from "node:path";

import type { Plugin } from "vite";

/** What HTMLManager imports, and src/widgets/manager.ts never lets it use. */
const REPLACED =
  /^(?:@jupyterlab\/rendermime|@jupyter-widgets\/(?:base7|controls7)|sanitize-html)$/;

/** Styles of other widgets, and variables that styles/widgets.css sets. */
const UNUSED = /^@jupyter-widgets\/controls.*\.css$/;

/** The modules of jupyter-matplotlib. */
const FIGURES = /\/jupyter-matplotlib\/lib\/\w+\.js$/;

/** Puts src/widgets/standins.ts in the place of libraries that widgets here do without. */
export function widgetLibraries(): Plugin {
  const standins = join(import.meta.dirname, "src/widgets/standins.ts");
  const throttle = join(import.meta.dirname, "src/widgets/throttle.ts");
  const noStyle = "\0no-style";
  return {
    name: "widget-libraries",
    enforce: "pre",
    resolveId(id, importer = "") {
      const isManagers = importer.includes("/html-manager/lib/");
      if (REPLACED.test(id) || (isManagers && id === "./output")) return standins;
      // All of lodash, for one function.
      if (FIGURES.test(importer) && id === "lodash") return throttle;
      return isManagers && UNUSED.test(id) ? noStyle : null;
    },
    load(id) {
      if (id === noStyle) return "";
      if (!FIGURES.test(id)) return null;
      // It looks for its version in the whole of its package.json, and names maps that it does not have.
      return readFileSync(id, "utf8")
        .replace(/^\/\/# sourceMappingURL.*/m, "")
        .replace(
          "const data = require('../package.json');",
          'import { name, version } from "../package.json"; const data = { name, version };',
        );
    },
  };
}
