/** Typing over a selection. */

import type { Extension } from "@codemirror/state";
import { EditorView } from "@codemirror/view";

/**
 * Replaces a selection by typed text without the browser's default action.
 *
 * Chromium copies the look of the replaced text into a `style` attribute, before the editor removes
 * it again. A strict content security policy reports a violation each time.
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
