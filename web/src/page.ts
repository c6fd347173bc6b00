/** The server's own page: an ordinary page with one cell, but strangers' programs come by its links. */

import { parseObject, textAt } from "./protocol/messages";
import type { LanguageName, SagecellApi } from "./publicapi";
import "./style.css";

function start({ makeSagecell, allLanguages }: SagecellApi): void {
  const page = parseObject(document.getElementById("sagecell-page")?.textContent ?? "") ?? {};
  const code = textAt(page, "code");
  const autoeval = code !== "" && page["autoeval"] === true;
  const cell = makeSagecell({
    inputLocation: "#cell",
    languages: allLanguages,
    code,
    autoeval,
    interacts: textAt(page, "interacts"),
    // Any other name would leave it at the first language.
    defaultLanguage: textAt(page, "language") as LanguageName,
    // Whoever made a link may not act in the reader's name: its output is made harmless.
    scripts: false,
    plainPython: true,
    hint: "What the program prints, draws and writes will appear here.",
    callback: () => {
      // On a touch screen, focus would bring up a keyboard that hides half of the page.
      if (!autoeval && !matchMedia("(pointer: coarse)").matches) cell.editorData?.focus();
    },
  });
}

const { sagecell } = window as { sagecell?: SagecellApi };
if (sagecell !== undefined) start(sagecell);
