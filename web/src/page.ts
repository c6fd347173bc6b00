/** The server's own page: an ordinary page with one cell, but strangers' programs come by its links. */

import { decodePage } from "./protocol/answers";
import type { LanguageName, SagecellApi } from "./publicapi";
import "./style.css";

function start(api: SagecellApi): void {
  const page = decodePage(document.getElementById("sagecell-page")?.textContent ?? "");
  const { code, interacts, language } = page;
  const autoeval = code !== "" && page.autoeval;
  const cell = api.makeSagecell({
    inputLocation: "#cell",
    languages: api.allLanguages,
    code,
    autoeval,
    interacts,
    // Any other name would leave it at the first language.
    defaultLanguage: language as LanguageName,
    // Whoever made a link may not act in the reader's name: its output is made harmless.
    scripts: false,
    hint: "What the program prints, draws and writes will appear here.",
    callback: () => {
      // On a touch screen, focus would bring up a keyboard that hides half of the page.
      if (!autoeval && !matchMedia("(pointer: coarse)").matches) cell.editorData?.focus();
    },
  });
}

const { sagecell } = window as { sagecell?: SagecellApi };
if (sagecell !== undefined) start(sagecell);
