import { defineConfig } from "vite";

import { brotli } from "./brotli.ts";

/** The build of scene.js, a classic script: it runs before the next script of a scene's page. */
export default defineConfig({
  plugins: [brotli()],
  publicDir: false,
  build: {
    outDir: "../sagecell_tx/http/client",
    emptyOutDir: false,
    target: "es2022",
    rolldownOptions: {
      input: "src/scene.ts",
      output: { format: "iife", entryFileNames: "scene.js" },
    },
  },
});
