/** CodeMirror's style sheet in a form that a strict content security policy allows. */

import { StyleModule } from "style-mod";

let isAdopted = false;

/**
 * Makes CodeMirror add its rules to a constructed style sheet of the document.
 *
 * By default it writes them into a <style> element, which a policy without 'unsafe-inline' blocks.
 */
export function adoptEditorStyles(): void {
  if (isAdopted || !("adoptedStyleSheets" in document)) return;
  isAdopted = true;
  const sheet = new CSSStyleSheet();
  const known = new Set<StyleModule>();
  StyleModule.mount = (_root, modules) => {
    const fresh = [modules].flat().filter((module) => !known.has(module));
    if (fresh.length === 0) return;
    // Within a call the weakest module comes first, and later calls bring no weaker ones.
    for (const module of fresh) known.add(module);
    sheet.replaceSync([...known].map((module) => module.getRules()).join("\n"));
    if (!document.adoptedStyleSheets.includes(sheet)) {
      document.adoptedStyleSheets = [sheet, ...document.adoptedStyleSheets];
    }
  };
}
