import { type Plugin, defineConfig } from "vite";

import { brotli } from "./brotli.ts";
import { pageBuild } from "./pagebuild.ts";
import { woff2Only } from "./vite.config.ts";
import { widgetLibraries } from "./widgetlibraries.ts";

/** The one format of icons' font that is needed. */
function iconsInWoff2(): Plugin {
  return {
    name: "icons-in-woff2",
    enforce: "pre",
    transform(code, id) {
      if (!/fontawesome-free.*\.css$/.test(id)) return null;
      const [address = ""] = /url\("[^"]*\.woff2"\) format\("woff2"\)/.exec(code) ?? [];
      return code.replace(/src: url[^;]*;\s*src: url[^;]*;/, `src: ${address};`);
    },
  };
}

/**
 * The page in the frame of an output. Browsers do not share cached files with an opaque origin, so
 * common chunks would save nothing: it is built separately, and the chunks of the cells stay the same.
 */
export default defineConfig({
  plugins: [widgetLibraries(), woff2Only(), iconsInWoff2(), brotli()],
  publicDir: false,
  build: {
    ...pageBuild,
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
