import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

import postcss from "postcss";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

import { brotli } from "./brotli.ts";
import { firm } from "./firm.ts";
import { copiedLicences, LICENCES } from "./licences.ts";
import { firstModules } from "./modules.ts";
import { pageBuild } from "./pagebuild.ts";
import { widgetLibraries } from "./widgetlibraries.ts";

const { resolve } = createRequire(import.meta.url);

/** Removes KaTeX's older font formats: all browsers that run this page support WOFF2. */
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

/** `css` with every declaration marked !important, except in keyframes, where it is not allowed. */
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

/**
 * jQuery's script so that it defines `jQuery`, and `$` if the page has none; no module for a loader
 * of the page's.
 */
function forPagesWithout(jquery: string): string {
  const parts = [
    "window.jQuery===undefined&&(function($,define,module){",
    jquery,
    "if($!==undefined)jQuery.noConflict()",
    "})(window.$);",
  ];
  return `${parts.join("\n")}\n`;
}

/** Emits the other files that pages written for SageMathCell load. */
function pagesFiles(): Plugin {
  return {
    name: "pages-files",
    apply: "build",
    generateBundle(_options, bundle) {
      const sheet = bundle["embedded_cells.css"];
      if (sheet?.type !== "asset") throw new Error("The build has no embedded_cells.css.");
      const source = important(String(sheet.source));
      this.emitFile({ type: "asset", fileName: "sagecell_embed.css", source });
      const interact = Object.values(bundle).find(({ fileName }) =>
        /interact-[^/]*\.css$/.test(fileName),
      );
      if (interact?.type !== "asset") throw new Error("The build has no style sheet of interacts.");
      this.emitFile({
        type: "asset",
        fileName: "embedded_buttons.css",
        source: firm(`${String(sheet.source)}${String(interact.source)}`),
      });
      const jquery = readFileSync(resolve("jquery/dist/jquery.min.js"), "utf8");
      this.emitFile({
        type: "asset",
        fileName: "embedded_jquery.js",
        source: forPagesWithout(jquery),
      });
      for (const fileName of ["jquery.min.js", "jquery-1.5.min.js"]) {
        this.emitFile({ type: "asset", fileName, source: jquery });
      }
    },
  };
}

/** Emits the SockJS client for the server's page /sockjs/iframe.html. */
function sockjsClient(): Plugin {
  return {
    name: "sockjs-client",
    apply: "build",
    generateBundle() {
      const text = readFileSync(resolve("sockjs-client/dist/sockjs.min.js"), "utf8");
      // The source map is not served, so browsers must not request it.
      const source = text.replace(/\n\/\/# sourceMappingURL=.*\s*$/, "\n");
      this.emitFile({ type: "asset", fileName: "sockjs.min.js", source });
    },
  };
}

/** Lets browsers request all that the server's page needs without waiting for what names it. */
function preloads(): Plugin {
  return {
    name: "preloads",
    apply: "build",
    transformIndexHtml: {
      order: "post",
      handler(html, { bundle }) {
        const { next, cells, editor } = firstModules(Object.values(bundle ?? {}));
        // The editor is by far the largest. They stand before the script that requests them.
        const modules = [...editor, ...cells].map(
          (file) => `<link data-next href="static/${file}" />`,
        );
        const script = `<script async src="static/${next}"></script>`;
        const sheet = '<link rel="preload" as="style" href="static/embedded_cells.css" />';
        return html.replace("<!-- next -->", [...modules, script, sheet].join("\n    "));
      },
    },
  };
}

/** Entries without a hash in their names, because embedded_sagecell.js refers to them. */
const STAYING = new Set(["embedded_cells"]);

/**
 * Modules that cells share with chunks loaded on demand. They are a chunk of their own, so that the
 * editor, interacts and Markdown stay cached when only the cells change.
 */
const BASE =
  /\/src\/(?:dom\/(?:elements|errors|pending)|protocol\/(?:interacts\/displays|\w+)|output\/math\/math)\.ts$/;

export default defineConfig({
  plugins: [
    widgetLibraries(), // for tests: this build has no widgets
    woff2Only(),
    pagesFiles(),
    sockjsClient(),
    preloads(),
    copiedLicences(),
    brotli(),
  ],
  build: {
    ...pageBuild,
    emptyOutDir: true,
    license: { fileName: LICENCES },
    rolldownOptions: {
      input: {
        index: "index.html",
        next: "src/next.ts",
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
    // The page is at <prefix>/ and its assets at <prefix>/static/. Relative addresses work with
    // any prefix of a proxy.
    renderBuiltUrl(filename, { hostType }) {
      return hostType === "html" ? `static/${filename}` : { relative: true };
    },
  },
  test: {
    environment: "jsdom",
    include: ["tests/**/*.test.ts"],
    restoreMocks: true,
    // The machine may be busy with other tests.
    testTimeout: 30_000,
    // The style sheets are tested too, so they must not be replaced by stubs.
    css: true,
    // As in the build, they are without JupyterLab's renderers.
    server: { deps: { inline: [/@jupyter-widgets/, /@lumino/, /jupyter-matplotlib/] } },
    // Creating a DOM takes longer than most tests, and modules have no state to share.
    isolate: false,
  },
});
