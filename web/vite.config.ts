import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

import postcss from "postcss";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

import { copiedLicences, LICENCES } from "./licences.ts";

const { resolve } = createRequire(import.meta.url);

/** Browsers that run this page read WOFF2; KaTeX's older font formats need not ship. */
export function woff2Only(): Plugin {
  return {
    name: "woff2-only",
    enforce: "pre",
    transform(code, id) {
      if (!/katex.*\.css$/.test(id)) return null;
      return code.replace(/,\s*url\([^)]*\.(?:woff|ttf)\)\s*format\([^)]*\)/g, "");
    },
  };
}

/** Every declaration above whatever a page says; a keyframe's would be ignored if it were so. */
export function important(css: string): string {
  const sheet = postcss.parse(css);
  sheet.walkRules((rule) => {
    if (rule.parent?.type === "atrule" && /keyframes/.test((rule.parent as postcss.AtRule).name)) {
      return;
    }
    rule.each((node) => {
      if (node.type === "decl") node.important = true;
    });
  });
  return sheet.toString();
}

/** Files that pages written for SageMathCell load besides its script. */
function pagesFiles(): Plugin {
  return {
    name: "pages-files",
    apply: "build",
    generateBundle(_options, bundle) {
      const sheet = bundle["embedded_cells.css"];
      if (sheet?.type !== "asset") throw new Error("There is no style sheet for cells.");
      const source = important(String(sheet.source));
      this.emitFile({ type: "asset", fileName: "sagecell_embed.css", source });
      const jquery = readFileSync(resolve("jquery/dist/jquery.min.js"));
      for (const fileName of ["jquery.min.js", "jquery-1.5.min.js"]) {
        this.emitFile({ type: "asset", fileName, source: jquery });
      }
    },
  };
}

/** The SockJS client, for the server's page through which others speak (/sockjs/iframe.html). */
function sockjsClient(): Plugin {
  return {
    name: "sockjs-client",
    apply: "build",
    generateBundle() {
      const text = readFileSync(resolve("sockjs-client/dist/sockjs.min.js"), "utf8");
      // Its source map is not there, and browsers would ask for it.
      const source = text.replace(/\n\/\/# sourceMappingURL=.*\s*$/, "\n");
      this.emitFile({ type: "asset", fileName: "sockjs.min.js", source });
    },
  };
}

/** Names that stay: pages, and the script that is on them, ask for these. */
const STAYING = new Set(["embedded_cells"]);

/**
 * What cells share with what they load on demand has a chunk of its own: a browser that has the
 * editor, interacts or Markdown keeps them when only the cells have changed.
 */
const BASE =
  /\/src\/(?:dom\/(?:elements|errors|pending)|protocol\/(?:interacts\/displays|\w+)|output\/math\/math)\.ts$/;

export default defineConfig({
  plugins: [woff2Only(), pagesFiles(), sockjsClient(), copiedLicences()],
  build: {
    outDir: "../sagecell_tx/http/client",
    emptyOutDir: true,
    license: { fileName: LICENCES },
    target: "es2022",
    // The colours by night are the page's own choice: no rewriting of light-dark().
    cssTarget: ["chrome125", "firefox125", "safari17.5"],
    // The content security policy lets fonts and images come from the server's own files.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: {
        index: "index.html",
        embedded_cells: "src/embed/entry.ts",
        embedded_cells_style: "src/styles/cells.css",
      },
      preserveEntrySignatures: "exports-only",
      output: {
        codeSplitting: { groups: [{ name: "base", test: BASE }] },
        entryFileNames: ({ name }) => (STAYING.has(name) ? "[name].js" : "assets/[name]-[hash].js"),
        assetFileNames: ({ names }) =>
          names.some((name) => /^(?:embedded_cells_style|cells)\.css$/.test(name))
            ? "embedded_cells[extname]"
            : "assets/[name]-[hash][extname]",
      },
    },
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
