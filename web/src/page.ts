/** The server's own page: an ordinary page with one cell, but strangers' programs come by its links. */

import type { CellInfo } from "./embed/cellinfo";
import { decodePage } from "./protocol/answers";
import "./style.css";

interface Sagecell {
  readonly allLanguages: readonly string[];
  makeSagecell(options: Record<string, unknown>): CellInfo;
}

function start({ makeSagecell, allLanguages }: Sagecell): void {
  const page = decodePage(document.getElementById("sagecell-page")?.textContent ?? "");
  const { code, interacts, language } = page;
  const autoeval = code !== "" && page.autoeval;
  const info = makeSagecell({
    inputLocation: "#cell",
    languages: allLanguages,
    code,
    autoeval,
    interacts,
    defaultLanguage: language,
    // Whoever made a link may not act in the reader's name: its output is made harmless.
    scripts: false,
    plainPython: true,
    hint: "What the program prints, draws and writes will appear here.",
    callback: () => {
      // On a touch screen, focus would bring up a keyboard that hides half of the page.
      if (!autoeval && !matchMedia("(pointer: coarse)").matches) info.editorData?.focus();
    },
  });
}

const { sagecell } = window as { sagecell?: Sagecell };
if (sagecell !== undefined) start(sagecell);
