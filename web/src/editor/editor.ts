/** The code editor: CodeMirror, configured for short programs. */

import {
  type Completion,
  type CompletionContext,
  type CompletionResult,
  acceptCompletion,
  autocompletion,
  closeBrackets,
  closeBracketsKeymap,
  startCompletion,
} from "@codemirror/autocomplete";
import {
  defaultKeymap,
  history,
  historyKeymap,
  indentMore,
  indentWithTab,
} from "@codemirror/commands";
import { python } from "@codemirror/lang-python";
import {
  bracketMatching,
  indentOnInput,
  indentUnit,
  syntaxHighlighting,
} from "@codemirror/language";
import {
  Compartment,
  EditorState,
  type Extension,
  StateEffect,
  StateField,
} from "@codemirror/state";
import {
  EditorView,
  type Tooltip,
  drawSelection,
  highlightSpecialChars,
  keymap,
  lineNumbers,
  placeholder,
  showTooltip,
} from "@codemirror/view";
import { classHighlighter } from "@lezer/highlight";

import { COMMANDS } from "./commands";
import { adoptEditorStyles } from "./styles";
import type { Language } from "./languages";
import { overtyping } from "./overtype";

/** The arguments of `createEditor`. */
export interface EditorOptions {
  readonly parent: HTMLElement;
  /** The number of the cell, which is part of the editor's label. */
  readonly number: number;
  readonly code: string;
  readonly language: Language;
  /** Called on Shift-Enter and Ctrl-Enter (Command-Enter on a Mac). */
  readonly onEvaluate: () => void;
  readonly isReadOnly?: boolean;
  /** Called after each change of the program, also by `setCode`. */
  readonly onChange?: () => void;
  readonly completer?: Completer;
  /** Makes preformatted text. Passed in: this chunk stays cached when the cells' chunk changes. */
  readonly renderText: (text: string, className: string) => HTMLElement;
}

/** A source of completions and help. Offsets are in UTF-16 units of `code`. */
export interface Completer {
  /** Whether an answer would come soon: the kernel, if there is one, is idle. */
  isReady(): boolean;
  /** Completions at `cursor`; null when there was no answer. */
  complete(code: string, cursor: number): Promise<Completions | null>;
  /** Help on the name before `cursor`, as text; empty when there is none. */
  inspect(code: string, cursor: number): Promise<string>;
}

/** Replacements for the text between `from` and `to`. */
export interface Completions {
  readonly from: number;
  readonly to: number;
  readonly matches: readonly string[];
}

/** The selected text, in UTF-16 units: the cursor is at `head`. */
export interface Selection {
  readonly anchor: number;
  readonly head: number;
}

/** An editor on the page. */
export interface Editor {
  code(): string;
  setCode(code: string): void;
  focus(): void;
  selection(): Selection;
  /** Selects text and scrolls to it; positions past the end are the end. */
  select(selection: Selection): void;
  /** Replaces the text between two positions, `from` before `to`. */
  replace(from: number, to: number, text: string): void;
  /** Runs a command of CodeMirror 5 by its name; unknown ones have no effect. */
  run(command: string): void;
  setLanguage(language: Language): void;
  /** Removes the editor from the page, and its listeners from the window. */
  dispose(): void;
}

/** Creates an editor as the last child of `options.parent`. */
export function createEditor(options: EditorOptions): Editor {
  const { parent, number, code, onEvaluate, onChange, isReadOnly = false, renderText } = options;
  adoptEditorStyles();
  const evaluate = () => {
    onEvaluate();
    return true;
  };
  const languageSetup = new Compartment();
  const historySetup = new Compartment();
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
        // Python rejects a no-break space, which looks like a space.
        highlightSpecialChars({ addSpecialChars: /\u00a0/g }),
        historySetup.of(history()),
        drawSelection(),
        indentOnInput(),
        indentUnit.of("    "),
        bracketMatching(),
        closeBrackets(),
        overtyping,
        languageSetup.of(languageExtensions(options.language, number)),
        syntaxHighlighting(classHighlighter),
        EditorView.lineWrapping,
        EditorState.readOnly.of(isReadOnly),
        ...(onChange ? [EditorView.updateListener.of((u) => u.docChanged && onChange())] : []),
        ...(options.completer ? [completing(options.completer, renderText)] : []),
        keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...historyKeymap, indentWithTab]),
      ],
    }),
  });
  return {
    code: () => view.state.doc.toString(),
    setCode: (fresh) =>
      view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: fresh } }),
    focus: () => view.focus(),
    selection: () => view.state.selection.main,
    select: ({ anchor, head }) => {
      const within = (position: number) => Math.min(position, view.state.doc.length);
      const selection = { anchor: within(anchor), head: within(head) };
      view.dispatch({ selection, scrollIntoView: true });
    },
    replace: (from, to, insert) => view.dispatch({ changes: { from, to, insert } }),
    run: (name) => {
      if (name === "clearHistory") {
        view.dispatch({ effects: historySetup.reconfigure([]) });
        view.dispatch({ effects: historySetup.reconfigure(history()) });
      } else {
        COMMANDS.get(name)?.(view);
      }
    },
    setLanguage: (language) =>
      view.dispatch({ effects: languageSetup.reconfigure(languageExtensions(language, number)) }),
    dispose: () => view.destroy(),
  };
}

/** Syntax highlighting and labels for a language, in the cell with this number. */
function languageExtensions({ name, mode }: Language, number: number): Extension {
  return [
    mode === "python" ? python() : [],
    placeholder(`Type a ${name} program`),
    EditorView.contentAttributes.of({
      "aria-label": `${name} program of cell ${number}`,
      "aria-description": "Shift-Enter evaluates. Escape, then Tab, leaves the editor.",
      // Editable content has the focus anyway, but programs that check pages look for this.
      tabindex: "0",
      spellcheck: "false",
      autocapitalize: "off",
      autocorrect: "off",
    }),
  ];
}

/**
 * Binds Tab: it completes after a name or a dot, shows help after ? or (, and otherwise indents.
 *
 * It also indents when there is no completion.
 */
function completing(completer: Completer, renderText: EditorOptions["renderText"]): Extension {
  const ask = async (context: CompletionContext): Promise<CompletionResult | null> => {
    if (!context.explicit) return null;
    const found = await completer.complete(context.state.doc.toString(), context.pos);
    if (context.aborted) return null;
    const typed = found === null ? "" : context.state.sliceDoc(found.from, found.to);
    if (found === null || found.matches.every((match) => match === typed)) {
      if (context.view !== undefined) indentMore(context.view);
      return null;
    }
    const options = found.matches.map((label): Completion => ({ label }));
    return { from: found.from, to: found.to, options };
  };
  const startAtName = (view: EditorView): boolean => {
    const { head, empty } = view.state.selection.main;
    const before = view.state.sliceDoc(Math.max(0, head - 1), head);
    if (!empty || !completer.isReady()) return false;
    if (/[\w.]/.test(before)) return startCompletion(view);
    if (!/[?(]/.test(before)) return false;
    void explain(view, completer, renderText);
    return true;
  };
  return [
    // Completions open on request only, so that typing cannot accept one by accident.
    autocompletion({ override: [ask], activateOnTyping: false, interactionDelay: 0 }),
    help,
    keymap.of([
      { key: "Tab", run: (view) => acceptCompletion(view) || startAtName(view) },
      { key: "Escape", run: closeHelp },
    ]),
  ];
}

const setHelp = StateEffect.define<Tooltip | null>();

/** The tooltip with help on a name; it closes when the program or the selection changes. */
const help = StateField.define<Tooltip | null>({
  create: () => null,
  update(shown, transaction) {
    for (const effect of transaction.effects) if (effect.is(setHelp)) return effect.value;
    return transaction.docChanged || transaction.selection ? null : shown;
  },
  provide: (field) => showTooltip.from(field),
});

async function explain(
  view: EditorView,
  completer: Completer,
  renderText: EditorOptions["renderText"],
): Promise<void> {
  const { head } = view.state.selection.main;
  const before = view.state.sliceDoc(0, head - 1);
  const text = await completer.inspect(before, before.length);
  if (text === "" || view.state.selection.main.head !== head) return;
  const create = () => {
    const dom = renderText(text, "sagecell_help");
    dom.setAttribute("role", "status");
    return { dom };
  };
  view.dispatch({ effects: setHelp.of({ pos: head, create }) });
}

function closeHelp(view: EditorView): boolean {
  if (view.state.field(help) === null) return false;
  view.dispatch({ effects: setHelp.of(null) });
  return true;
}
