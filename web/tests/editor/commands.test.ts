import { EditorState } from "@codemirror/state";
import { EditorView } from "@codemirror/view";
import { afterEach, expect, test } from "vitest";

import { COMMANDS } from "../../src/editor/commands";

let view: EditorView | null = null;
afterEach(() => view?.destroy());

// contract: 7.5
test.each<[string, string, number, number]>([
  ["selectAll", "ab\ncd", 0, 5],
  ["goDocEnd", "ab\ncd", 5, 5],
  ["goDocStart", "ab\ncd", 0, 0],
  ["delCharAfter", "a\ncd", 1, 1],
  ["delCharBefore", "b\ncd", 0, 0],
  ["killLine", "a\ncd", 1, 1],
  ["newlineAndIndent", "a\nb\ncd", 2, 2],
  ["indentMore", "  ab\ncd", 3, 3],
  ["no such command", "ab\ncd", 1, 1],
])("%s", (name, doc, anchor, head) => {
  view = new EditorView({
    state: EditorState.create({ doc: "ab\ncd", selection: { anchor: 1 } }),
    parent: document.body,
  });
  COMMANDS.get(name)?.(view);
  expect(view.state.doc.toString()).toBe(doc);
  expect(view.state.selection.main).toMatchObject({ anchor, head });
});
