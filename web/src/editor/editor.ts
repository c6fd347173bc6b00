/** The code editor: CodeMirror, configured for short programs. */

import {
  type Completion,
  type CompletionContext,
  type CompletionResult,
  acceptCompletion,
  autocompletion,
  closeBrackets,
  closeBracketsKeymap,
  currentCompletions,
  moveCompletionSelection,
  startCompletion,
} from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { python } from "@codemirror/lang-python";
import {
  bracketMatching,
  indentOnInput,
  indentUnit,
  syntaxHighlighting,
  syntaxTree,
} from "@codemirror/language";
import { Compartment, EditorState, type Extension } from "@codemirror/state";
import {
  EditorView,
  drawSelection,
  highlightSpecialChars,
  keymap,
  lineNumbers,
  placeholder,
} from "@codemirror/view";
import { classHighlighter } from "@lezer/highlight";

import { COMMANDS } from "./commands";
import { HELP, closeHelp, help, tell } from "./help";
import type { Language } from "./languages";
import { overtyping } from "./overtype";
import { closeSignatures, signatureHelp } from "./signature";
import { adoptEditorStyles } from "./styles";

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
  /** Whether completions are also offered after a pause in typing. */
  readonly completesWhileTyping?: boolean;
  /** Makes preformatted text. Passed in: this chunk stays cached when the cells' chunk changes. */
  readonly renderText: (text: string, className: string) => HTMLElement;
}

/** A source of completions and help. Offsets are in UTF-16 units of `code`. */
export interface Completer {
  /** Completions at `cursor`; null when there was no answer. */
  complete(code: string, cursor: number): Promise<Completions | null>;
  /** Help on the name before `cursor`, as text; empty when there is none. */
  inspect(code: string, cursor: number): Promise<string>;
  /** As `inspect`, but from the cell's kernel alone; empty without one that is idle. */
  inspectInKernel(code: string, cursor: number): Promise<string>;
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
  const { parent, number, code, onEvaluate, onChange, isReadOnly = false } = options;
  adoptEditorStyles();
  const evaluate = (view: EditorView) => {
    closeSignatures(view);
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
        ...(options.completer ? [completing(options.completer, options)] : []),
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
      // An editor that takes the place of a text area must not scroll the page to itself.
      view.dispatch({ selection, scrollIntoView: view.dom.isConnected });
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

/** Milliseconds without typing after which completions are offered to who asks for that. */
const PAUSE = 500;

/** What is worth a completion that nobody requested: two letters of a name, or a dot behind one. */
const BEGUN = /(?<![\p{L}\p{N}_])[\p{L}_][\p{L}\p{N}_]*[\p{L}\p{N}_.]$|[)\]]\.$/u;

/** Names are recognised by so many of their last characters. */
const LONGEST_NAME = 100;

/** Binds Tab: it completes after a name or a dot, shows help after ? or (, and otherwise indents. */
function completing(
  completer: Completer,
  { renderText, completesWhileTyping = false }: EditorOptions,
): Extension {
  let unasked: Promise<unknown> | null = null; // the answer to what nobody requested
  const ask = async (context: CompletionContext): Promise<CompletionResult | null> => {
    const { state, pos, explicit } = context;
    if (!explicit) {
      if (!isWorthCompleting(state, pos)) return null;
      // One request at a time.
      while (unasked !== null && !context.aborted) await unasked;
      if (context.aborted) return null;
    }
    const answer = completer.complete(state.doc.toString(), pos);
    if (!explicit) unasked = answer.then(() => (unasked = null));
    const found = await answer;
    if (context.aborted) return null;
    const typed = found === null ? "" : state.sliceDoc(found.from, found.to);
    if (found === null || found.matches.every((match) => match === typed)) {
      const sentence = found === null ? "The server has not answered." : "No completions found.";
      if (explicit && context.view !== undefined) tell(context.view, renderText(sentence, HELP));
      return null;
    }
    const options = found.matches.map((label): Completion => ({ label }));
    const result = { from: found.from, to: found.to, options };
    return explicit ? result : { ...result, validFor: /^\.?[\p{L}\p{N}_]*$/u };
  };
  const startAtName = (view: EditorView): boolean => {
    const { head, empty } = view.state.selection.main;
    const before = view.state.sliceDoc(Math.max(0, head - 1), head);
    if (!empty) return false;
    if (/[\p{L}\p{N}_.]/u.test(before)) return startCompletion(view);
    if (!/[?(]/.test(before)) return false;
    void explain(view, completer, renderText);
    return true;
  };
  return [
    autocompletion({
      override: [ask],
      activateOnTyping: completesWhileTyping,
      activateOnTypingDelay: PAUSE,
      // Nothing is selected at first, so that Enter accepts no completion by accident.
      selectOnOpen: !completesWhileTyping,
      interactionDelay: 0,
    }),
    help,
    signatureHelp((code) => completer.inspectInKernel(code, code.length), renderText),
    keymap.of([
      { key: "Tab", run: (view) => acceptFirst(view) || startAtName(view) },
      { key: "Escape", run: (view) => closeHelp(view) || closeSignatures(view) },
    ]),
  ];
}

/** Whether the cursor is behind the beginning of a name, outside of texts and comments. */
function isWorthCompleting(state: EditorState, position: number): boolean {
  if (!BEGUN.test(state.sliceDoc(Math.max(0, position - LONGEST_NAME), position))) return false;
  return !/String|Comment/.test(syntaxTree(state).resolveInner(position, -1).name);
}

/** Accepts the selected completion, or else the first; false if none is offered. */
function acceptFirst(view: EditorView): boolean {
  if (acceptCompletion(view)) return true;
  if (currentCompletions(view.state).length === 0) return false;
  return moveCompletionSelection(true)(view) && acceptCompletion(view);
}

async function explain(
  view: EditorView,
  completer: Completer,
  renderText: EditorOptions["renderText"],
): Promise<void> {
  const { head } = view.state.selection.main;
  const before = view.state.sliceDoc(0, head - 1);
  const text = await completer.inspect(before, before.length);
  if (text === "" || view.state.selection.main.head !== head) return;
  tell(view, renderText(text, HELP));
}
