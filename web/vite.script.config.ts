import { readFileSync } from "node:fs";
import { join } from "node:path";

import { type Plugin, type Rolldown, type UserConfig, build, defineConfig } from "vite";

import { brotli } from "./brotli.ts";
import { type FirstModules, firstModules } from "./modules.ts";

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

/** The modules of the cells, whose names depend on their content, so that they are built first. */
async function modulesOfCells(): Promise<Omit<FirstModules, "next">> {
  const made = await build({
    configFile: join(import.meta.dirname, "vite.config.ts"),
    root: import.meta.dirname,
    logLevel: "silent",
    build: { write: false },
  });
  const { cells, editor } = firstModules((made as Rolldown.RolldownOutput).output);
  return { cells, editor };
}

/** The build of embedded_sagecell.js, a classic script: the page's next script can use it. */
export default defineConfig(async (): Promise<UserConfig> => ({
  plugins: [publicTypes(), brotli()],
  publicDir: false,
  define: { MODULES: JSON.stringify(await modulesOfCells()) },
  build: {
    outDir: "../sagecell_tx/http/client",
    emptyOutDir: false,
    target: "es2022",
    rolldownOptions: {
      input: "src/embed/main.ts",
      output: { format: "iife", entryFileNames: "embedded_sagecell.js" },
    },
  },
}));
