import { defineConfig } from "vitest/config";
import type { Plugin } from "vite";

/** Browsers that run this page read WOFF2; KaTeX's older font formats need not ship. */
function woff2Only(): Plugin {
  return {
    name: "woff2-only",
    enforce: "pre",
    transform(code, id) {
      if (!/katex.*\.css$/.test(id)) return null;
      return code.replace(/,\s*url\([^)]*\.(?:woff|ttf)\)\s*format\([^)]*\)/g, "");
    },
  };
}

/** The SockJS client, for the server's page through which others speak (/sockjs/iframe.html). */
function sockjsClient(): Plugin {
  const name = "sockjs.min.js";
  const file = new URL(`node_modules/sockjs-client/dist/${name}`, import.meta.url).pathname;
  return {
    name: "sockjs-client",
    async generateBundle() {
      const text = await this.fs.readFile(file, { encoding: "utf8" });
      // Its source map is not there, and browsers would ask for it.
      const source = text.replace(/\n\/\/# sourceMappingURL=.*\s*$/, "\n");
      this.emitFile({ type: "asset", fileName: name, source });
    },
  };
}

export default defineConfig({
  plugins: [woff2Only(), sockjsClient()],
  build: {
    outDir: "../sagecell_tx/http/client",
    emptyOutDir: true,
    target: "es2022",
    // The content security policy lets fonts and images come from the server's own files.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  experimental: {
    // The page is at <prefix>/, its assets are at <prefix>/static/: relative addresses
    // serve under any prefix that a proxy gives the server.
    renderBuiltUrl(filename, { hostType }) {
      return hostType === "html" ? `static/${filename}` : { relative: true };
    },
  },
  test: {
    environment: "jsdom",
    include: ["tests/**/*.test.ts"],
    restoreMocks: true,
    // The style sheets themselves are under test, so they are read rather than stubbed.
    css: true,
    // Making a DOM takes longer than most tests; the modules keep no state to share.
    isolate: false,
  },
});
