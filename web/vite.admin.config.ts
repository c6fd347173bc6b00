import { defineConfig } from "vite";

import { brotli } from "./brotli.ts";
import { pageBuild } from "./pagebuild.ts";

/**
 * The admin page, which has a listener of its own. It is built separately: it is a few kilobytes, and
 * the chunks of the cells stay the same.
 */
export default defineConfig({
  plugins: [brotli()],
  publicDir: false,
  build: {
    ...pageBuild,
    rolldownOptions: {
      input: { admin: "admin.html" },
      output: {
        entryFileNames: "assets/[name]-[hash].js",
        assetFileNames: "assets/[name]-[hash][extname]",
      },
    },
  },
  experimental: {
    renderBuiltUrl(filename, { hostType }) {
      return hostType === "html" ? `/admin/${filename}` : { relative: true };
    },
  },
});
