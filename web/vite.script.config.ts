import { defineConfig } from "vite";

/** The one classic script: in a page's head, so that the page can call it in the next line. */
export default defineConfig({
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
