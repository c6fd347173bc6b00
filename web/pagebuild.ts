import type { BuildEnvironmentOptions } from "vite";

/** What the builds of pages have in common; all but the first add to the client's folder. */
export const pageBuild = {
  outDir: "../sagecell_tx/http/client",
  emptyOutDir: false,
  target: "es2022",
  // These support light-dark(), which is therefore not rewritten.
  cssTarget: ["chrome125", "firefox125", "safari17.5"],
  // The content security policy allows fonts and images from the server.
  assetsInlineLimit: 0,
  modulePreload: { polyfill: false },
} satisfies BuildEnvironmentOptions;
