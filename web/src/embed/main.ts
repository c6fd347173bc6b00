/** embedded_sagecell.js: a classic script, so that `sagecell` exists for the next script. */

import { type InstallOptions, install } from "./install";
import { loadJQuery } from "./jquery";

/** The files of the build that cells need first; the build replaces the name by its value. */
declare const MODULES: InstallOptions["modules"];

/** Only Chromium has it. */
const { connection } = navigator as { connection?: { effectiveType?: string } };

install({
  window,
  modules: MODULES,
  loadJQuery: (address) =>
    loadJQuery(address, {
      document,
      isThere: () => (window as { jQuery?: unknown }).jQuery !== undefined,
      request: textAt,
      is2G: /2g$/.test(connection?.effectiveType ?? ""),
    }),
  load: (address) => import(/* @vite-ignore */ address),
});

/** Requests a text and waits. Throws if there is none. */
function textAt(address: string): string {
  const request = new XMLHttpRequest();
  request.open("GET", address, false);
  request.send();
  if (request.status !== 200) throw new Error(`${address}: ${request.status}`);
  return request.responseText;
}
