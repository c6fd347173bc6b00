import { readFileSync } from "node:fs";
import { join } from "node:path";

import { type Plugin, defineConfig } from "vite";

/** Emits the types of `window.sagecell` for authors of pages. */
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

/** The build of embedded_sagecell.js, a classic script: the page's next script can use it. */
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
