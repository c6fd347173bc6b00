import { readFileSync } from "node:fs";
import { join } from "node:path";

import { type Plugin, defineConfig } from "vite";

/** The types of what the script puts on a page, for whoever writes pages in TypeScript. */
function publicTypes(): Plugin {
  return {
    name: "public-types",
    apply: "build",
    generateBundle() {
      const source = readFileSync(join(import.meta.dirname, "src/publicapi.ts"), "utf8");
      this.emitFile({ type: "asset", fileName: "embedded_sagecell.d.ts", source });
    },
  };
}

/** The one classic script: in a page's head, so that the page can call it in the next line. */
export default defineConfig({
  plugins: [publicTypes()],
  publicDir: false,
  build: {
    outDir: "../sagecell_tx/http/client",
    emptyOutDir: false,
    target: "es2022",
    rolldownOptions: {
      input: "src/embed/main.ts",
      output: { format: "iife", entryFileNames: "embedded_sagecell.js" },
    },
  },
});
