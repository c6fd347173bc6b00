/** Text typed in place of a selection. */

import type { Extension } from "@codemirror/state";
import { EditorView } from "@codemirror/view";

/**
 * Puts it there without the browser's help.
 *
 * Chromium gives such text the look of what it replaces, as a `style` attribute, before the editor
 * takes that away again: under a strict content security policy each time is a complaint.
 */
export const overtyping: Extension = EditorView.domEventHandlers({
  beforeinput({ inputType, data }, view) {
    const { state } = view;
    const { from, to, empty } = state.selection.main;
    if (inputType !== "insertText" || data === null || empty || view.composing) return false;
    if (state.readOnly) return false;
    const insert = () =>
      state.update(state.replaceSelection(data), { userEvent: "input.type", scrollIntoView: true });
    const isTaken = state
      .facet(EditorView.inputHandler)
      .some((take) => take(view, from, to, data, insert));
    if (!isTaken) view.dispatch(insert());
    return true;
  },
});
