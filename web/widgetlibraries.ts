import { join } from "node:path";

import type { Plugin } from "vite";

/** What HTMLManager imports, and src/widgets/manager.ts never lets it use. */
const REPLACED =
  /^(?:@jupyterlab\/rendermime|@jupyter-widgets\/(?:base7|controls7)|sanitize-html)$/;

/** Styles of other widgets, and variables that styles/widgets.css sets. */
const UNUSED = /^@jupyter-widgets\/controls.*\.css$/;

/** Puts src/widgets/standins.ts in the place of libraries that widgets here do without. */
export function widgetLibraries(): Plugin {
  const standins = join(import.meta.dirname, "src/widgets/standins.ts");
  const noStyle = "\0no-style";
  return {
    name: "widget-libraries",
    enforce: "pre",
    resolveId(id, importer = "") {
      const isManagers = importer.includes("/html-manager/lib/");
      if (REPLACED.test(id) || (isManagers && id === "./output")) return standins;
      return isManagers && UNUSED.test(id) ? noStyle : null;
    },
    load(id) {
      return id === noStyle ? "" : null;
    },
  };
}
