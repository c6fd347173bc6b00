/** CodeMirror's own rules, as a style sheet that a strict content security policy lets pass. */

import { StyleModule } from "style-mod";

let isAdopted = false;

/**
 * Has CodeMirror's rules adopted by the document.
 *
 * It would write them into a <style> element, which a policy without 'unsafe-inline' holds back;
 * a sheet that a script made is not.
 */
export function adoptEditorStyles(): void {
  if (isAdopted || !("adoptedStyleSheets" in document)) return;
  isAdopted = true;
  const sheet = new CSSStyleSheet();
  const known = new Set<StyleModule>();
  StyleModule.mount = (_root, modules) => {
    const fresh = [modules].flat().filter((module) => !known.has(module));
    if (fresh.length === 0) return;
    // Modules come with the weakest first: those that come later, as a whole, are no weaker.
    for (const module of fresh) known.add(module);
    sheet.replaceSync([...known].map((module) => module.getRules()).join("\n"));
    if (!document.adoptedStyleSheets.includes(sheet)) {
      document.adoptedStyleSheets = [sheet, ...document.adoptedStyleSheets];
    }
  };
}
