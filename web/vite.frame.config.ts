import { defineConfig } from "vite";

import { brotli } from "./brotli.ts";
import { woff2Only } from "./vite.config.ts";

/**
 * The page in the frame of an output. Browsers do not share cached files with an opaque origin, so
 * common chunks would save nothing: it is built separately, and the chunks of the cells stay the same.
 */
export default defineConfig({
  plugins: [woff2Only(), brotli()],
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
        // Both builds use the same font files.
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
