/** A tooltip at the cursor, which screen readers announce. */

import { StateEffect, StateField } from "@codemirror/state";
import { type EditorView, type Tooltip, showTooltip } from "@codemirror/view";

/** The class of a tooltip with help. */
export const HELP = "sagecell_help";

/** Shows a tooltip; null closes it. */
export const setHelp = StateEffect.define<Tooltip | null>();

/** The tooltip with help on a name; it closes when the program or the selection changes. */
export const help = StateField.define<Tooltip | null>({
  create: () => null,
  update(shown, transaction) {
    for (const effect of transaction.effects) if (effect.is(setHelp)) return effect.value;
    return transaction.docChanged || transaction.selection ? null : shown;
  },
  provide: (field) => showTooltip.from(field),
});

/** Shows a tooltip at the cursor, which screen readers announce. */
export function tell(view: EditorView, dom: HTMLElement): void {
  dom.setAttribute("role", "status");
  const { head } = view.state.selection.main;
  view.dispatch({ effects: setHelp.of({ pos: head, create: () => ({ dom }) }) });
}

/** Closes the tooltip; false if there is none. */
export function closeHelp(view: EditorView): boolean {
  if (view.state.field(help) === null) return false;
  view.dispatch({ effects: setHelp.of(null) });
  return true;
}
