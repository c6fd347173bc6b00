import { defineConfig } from "vite";

import { woff2Only } from "./vite.config.ts";

/**
 * The page in the frame of an output. Its origin is nobody's, so that a browser shares none of its
 * files with the page around it: what both need is built for each, and the cells stay as they are.
 */
export default defineConfig({
  plugins: [woff2Only()],
  publicDir: false,
  build: {
    outDir: "../sagecell_tx/http/client",
    emptyOutDir: false,
    target: "es2022",
    cssTarget: ["chrome125", "firefox125", "safari17.5"],
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: { frame: "frame.html" },
      output: {
        entryFileNames: "assets/[name]-[hash].js",
        chunkFileNames: "assets/frame-[name]-[hash].js",
        // Fonts are the same files for both.
        assetFileNames: ({ names }) =>
          names.some((name) => /^(?!frame).*\.css$/.test(name))
            ? "assets/frame-[name]-[hash][extname]"
            : "assets/[name]-[hash][extname]",
      },
    },
  },
  experimental: {
    renderBuiltUrl(filename, { hostType }) {
      return hostType === "html" ? `static/${filename}` : { relative: true };
    },
  },
});
