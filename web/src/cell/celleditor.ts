/** A cell's editor: a text area at once, and CodeMirror in its place when that has been loaded. */

import { division } from "../dom/elements";
import { report } from "../dom/errors";
import type { Completer, Editor, EditorOptions } from "../editor/editor";
import type { Language } from "../editor/languages";
import type { EditorKind } from "../publicapi";

export interface CellEditorOptions {
  readonly kind: EditorKind;
  readonly code: string;
  readonly language: Language;
  readonly onEvaluate: () => void;
}

/** What CodeMirror needs beside the program. */
export interface EditorTools {
  /** CodeMirror's half, loaded when it is wanted. */
  readonly load: () => Promise<(options: EditorOptions) => Editor>;
  readonly completer: Completer;
  readonly renderText: EditorOptions["renderText"];
}

/** What MathJax 2, MathJax 3 and books tell theirs: what stands here is no formula. */
const NO_MATH = ["tex2jax_ignore", "mathjax_ignore", "ignore-math"];

export class CellEditor {
  readonly element = division("sagecell_editor");
  /** What pages find as `CodeMirror` on the editor's own element. */
  found: unknown = null;
  readonly #options: CellEditorOptions;
  readonly #area = document.createElement("textarea");
  readonly #listeners = new Set<() => void>();
  #language: Language;
  #editor: Editor | null = null;
  #wantsFocus = false;
  #isDisposed = false;

  constructor(options: CellEditorOptions) {
    const { kind, code, language, onEvaluate } = options;
    this.#options = options;
    this.#language = language;
    const area = this.#area;
    area.className = "sagecell_commands";
    area.value = code;
    area.readOnly = this.#isReadOnly;
    area.rows = Math.min(Math.max(code.split("\n").length, area.readOnly ? 1 : 4), 30);
    area.spellcheck = false;
    area.setAttribute("autocapitalize", "off");
    area.addEventListener("input", () => this.#changed());
    area.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !(event.shiftKey || event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      onEvaluate();
    });
    this.#name();
    this.element.append(area);
    // A page that is set anew would otherwise write formulas into the program.
    this.element.classList.add(...NO_MATH);
    if (kind.startsWith("codemirror")) this.element.classList.add("sagecell_loading");
  }

  /** Brings CodeMirror where it is wanted; the text area stays when it cannot be had. */
  async open(tools: EditorTools): Promise<void> {
    if (!this.#options.kind.startsWith("codemirror") || this.#editor !== null) return;
    try {
      const create = await tools.load();
      if (!this.#isDisposed) this.#replace(create, tools);
    } catch (error) {
      report(error, "loading the editor"); // A program can be written in a text area, too.
    } finally {
      this.element.classList.remove("sagecell_loading");
    }
  }

  code(): string {
    return this.#editor?.code() ?? this.#area.value;
  }

  setCode(code: string): void {
    if (this.#editor !== null) this.#editor.setCode(code);
    else this.#area.value = code;
  }

  focus(): void {
    this.#wantsFocus = true;
    if (this.#editor !== null) this.#editor.focus();
    else this.#area.focus();
  }

  setLanguage(language: Language): void {
    this.#language = language;
    this.#editor?.setLanguage(language);
    this.#name();
  }

  /** Calls `listener` after each change; the result calls it off. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Takes it off the page. The program can still be read. */
  dispose(): void {
    this.#isDisposed = true;
    this.#listeners.clear();
    this.#area.value = this.code();
    this.#editor?.dispose();
    this.#editor = null;
    this.element.remove();
  }

  get #isReadOnly(): boolean {
    return this.#options.kind.endsWith("-readonly");
  }

  #name(): void {
    this.#area.setAttribute("aria-label", `${this.#language.name} program`);
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }

  #replace(create: (options: EditorOptions) => Editor, tools: EditorTools): void {
    const wantsFocus = this.#wantsFocus || document.activeElement === this.#area;
    const parent = Object.assign(division("CodeMirror"), { CodeMirror: this.found });
    this.#editor = create({
      parent,
      code: this.#area.value,
      language: this.#language,
      onEvaluate: this.#options.onEvaluate,
      isReadOnly: this.#isReadOnly,
      onChange: () => this.#changed(),
      completer: tools.completer,
      renderText: tools.renderText,
    });
    this.#area.replaceWith(parent);
    if (wantsFocus) this.#editor.focus();
  }
}
