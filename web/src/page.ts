/** The server's own page: one cell, whose program may come from anybody's link. */

import { decodePage } from "./pageprogram";
import type { LanguageName, SagecellApi } from "./publicapi";
import "./style.css";

function start(api: SagecellApi): void {
  const page = decodePage(document.getElementById("sagecell-page")?.textContent ?? "");
  const { code, interacts, language, permalink } = page;
  const autoeval = code !== "" && page.autoeval;
  const cell = api.makeSagecell({
    inputLocation: "#cell",
    languages: api.allLanguages,
    code,
    autoeval,
    interacts,
    // An unknown name selects the first language.
    defaultLanguage: language as LanguageName,
    // A link's author must not act as the reader: scripts in output run where they reach nothing.
    scripts: "frame",
    // In a frame, nobody sees the address, and the reader has not written the program.
    permalink: window.parent === window,
    permalinkId: permalink,
    onPermalink: (id) => history.replaceState(null, "", `?${new URLSearchParams({ q: id })}`),
    hint: "The output of the program will appear here.",
    callback: () => {
      // On a touch screen, focus would bring up a keyboard that hides half of the page.
      if (!autoeval && !matchMedia("(pointer: coarse)").matches) cell.editorData?.focus();
    },
  });
}

const { sagecell } = window as { sagecell?: SagecellApi };
if (sagecell !== undefined) start(sagecell);
