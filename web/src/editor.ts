/** The place where a visitor writes: CodeMirror, set up for short Python programs. */

import { closeBrackets, closeBracketsKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { python } from "@codemirror/lang-python";
import {
  bracketMatching,
  indentOnInput,
  indentUnit,
  syntaxHighlighting,
} from "@codemirror/language";
import { EditorState } from "@codemirror/state";
import {
  EditorView,
  drawSelection,
  highlightSpecialChars,
  keymap,
  lineNumbers,
  placeholder,
} from "@codemirror/view";
import { classHighlighter } from "@lezer/highlight";

export interface EditorOptions {
  readonly parent: HTMLElement;
  readonly code: string;
  readonly onEvaluate: () => void;
}

export interface Editor {
  code(): string;
  focus(): void;
}

export function createEditor({ parent, code, onEvaluate }: EditorOptions): Editor {
  const evaluate = () => {
    onEvaluate();
    return true;
  };
  const view = new EditorView({
    parent,
    state: EditorState.create({
      doc: code,
      extensions: [
        // First, so that no other binding takes these keys.
        keymap.of([
          { key: "Shift-Enter", run: evaluate },
          { key: "Mod-Enter", run: evaluate },
        ]),
        lineNumbers(),
        highlightSpecialChars(),
        history(),
        drawSelection(),
        indentOnInput(),
        indentUnit.of("    "),
        bracketMatching(),
        closeBrackets(),
        python(),
        syntaxHighlighting(classHighlighter),
        placeholder("Type a Python program"),
        EditorView.lineWrapping,
        EditorView.contentAttributes.of({
          "aria-label": "Python program",
          "aria-description": "Shift-Enter evaluates. Escape, then Tab, leaves the editor.",
          spellcheck: "false",
          autocapitalize: "off",
          autocorrect: "off",
        }),
        keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...historyKeymap, indentWithTab]),
      ],
    }),
  });
  return { code: () => view.state.doc.toString(), focus: () => view.focus() };
}
