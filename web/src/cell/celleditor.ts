/** A cell's editor: a text area at first, which CodeMirror replaces once it has been loaded. */

import { division } from "../dom/elements";
import { report } from "../dom/errors";
import type { Completer, Editor, EditorOptions, Selection } from "../editor/editor";
import type { Language } from "../editor/languages";
import type { EditorKind } from "../publicapi";

/** What a cell's editor needs. */
export interface CellEditorOptions {
  /** See `CellPlan`. */
  readonly number: number;
  readonly kind: EditorKind;
  /** The page's own text area, which is used and kept; null to create one. */
  readonly area: HTMLTextAreaElement | null;
  readonly code: string;
  readonly language: Language;
  /** Whether CodeMirror also offers completions after a pause in typing. */
  readonly completesWhileTyping: boolean;
  readonly onEvaluate: () => void;
}

/** What CodeMirror needs besides the program. */
export interface EditorTools {
  /** Loads CodeMirror. Rejects when it cannot be loaded. */
  readonly load: () => Promise<(options: EditorOptions) => Editor>;
  readonly completer: Completer;
  readonly renderText: EditorOptions["renderText"];
}

/** Classes by which MathJax 2, MathJax 3 and Jupyter Book skip an element. */
const NO_MATH = ["tex2jax_ignore", "mathjax_ignore", "ignore-math"];

/** The text area or the CodeMirror editor of one cell, behind one interface. */
export class CellEditor {
  readonly element = division("sagecell_editor");
  /** The value of the `CodeMirror` property that pages find on the editor's element. */
  found: unknown = null;
  readonly #options: CellEditorOptions;
  readonly #area: HTMLTextAreaElement;
  readonly #listening = new AbortController();
  readonly #listeners = new Set<() => void>();
  #language: Language;
  #editor: Editor | null = null;
  #wantsFocus = false;
  #isDisposed = false;

  constructor(options: CellEditorOptions) {
    const { kind, code, language, onEvaluate } = options;
    this.#options = options;
    this.#language = language;
    const area = (this.#area = options.area ?? document.createElement("textarea"));
    area.classList.add("sagecell_commands");
    area.value = code;
    area.readOnly = this.#isReadOnly;
    area.rows = Math.min(Math.max(code.split("\n").length, area.readOnly ? 1 : 4), 30);
    area.spellcheck = false;
    area.setAttribute("autocapitalize", "off");
    // A page's own text area outlives the editor.
    const { signal } = this.#listening;
    area.addEventListener("input", () => this.#changed(), { signal });
    const evaluate = (event: KeyboardEvent) => {
      if (event.key !== "Enter" || !(event.shiftKey || event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      onEvaluate();
    };
    area.addEventListener("keydown", evaluate, { signal });
    this.#name();
    this.element.append(area);
    // Without these classes, a page that is typeset again would find formulas in the program.
    this.element.classList.add(...NO_MATH);
    if (kind.startsWith("codemirror")) this.element.classList.add("sagecell_loading");
  }

  /**
   * Loads CodeMirror if the plan asks for it, and replaces the text area.
   *
   * The promise never rejects: when loading fails, the text area stays.
   */
  async open(tools: EditorTools): Promise<void> {
    if (!this.#options.kind.startsWith("codemirror") || this.#editor !== null) return;
    try {
      const create = await tools.load();
      if (!this.#isDisposed) this.#replace(create, tools);
    } catch (error) {
      report(error, "loading the editor"); // The text area works, too.
    } finally {
      this.element.classList.remove("sagecell_loading");
    }
  }

  /** The program as it is now. */
  code(): string {
    return this.#editor?.code() ?? this.#area.value;
  }

  /** Replaces the program. */
  setCode(code: string): void {
    if (this.#editor !== null) this.#editor.setCode(code);
    else this.#area.value = code;
  }

  /** The selected part of the program. */
  get selection(): Selection {
    if (this.#editor !== null) return this.#editor.selection();
    const { selectionStart, selectionEnd, selectionDirection } = this.#area;
    return selectionDirection === "backward"
      ? { anchor: selectionEnd, head: selectionStart }
      : { anchor: selectionStart, head: selectionEnd };
  }

  /** Selects a part of the program; positions past its end are its end. */
  select({ anchor, head }: Selection): void {
    if (this.#editor !== null) this.#editor.select({ anchor, head });
    else if (anchor <= head) this.#area.setSelectionRange(anchor, head, "forward");
    else this.#area.setSelectionRange(head, anchor, "backward");
  }

  /** Replaces the text between two positions, `from` before `to`. */
  replace(from: number, to: number, text: string): void {
    if (this.#editor !== null) {
      this.#editor.replace(from, to, text);
    } else {
      this.#area.setRangeText(text, from, to);
      this.#changed();
    }
  }

  /** Runs a command of CodeMirror 5 by its name; does nothing in a text area. */
  run(command: string): void {
    this.#editor?.run(command);
  }

  /** Sets the size: numbers are pixels, texts are CSS lengths, null leaves it. */
  setSize(width: number | string | null, height: number | string | null): void {
    const { style } = this.element;
    if (width !== null) style.setProperty("--editor-width", length(width));
    if (height === null) return;
    // As high as the program, for "auto".
    const isFixed = height !== "auto";
    style.setProperty("--editor-height", isFixed ? length(height) : "0");
    style.setProperty("--editor-limit", isFixed ? length(height) : "none");
  }

  /** Whether the editor has the keyboard focus. */
  get hasFocus(): boolean {
    return this.element.contains(document.activeElement);
  }

  /** The text area: the page's own, or the one that is shown until CodeMirror replaces it. */
  get area(): HTMLTextAreaElement {
    return this.#area;
  }

  /** Moves the keyboard focus into the editor, also once CodeMirror has replaced the text area. */
  focus(): void {
    this.#wantsFocus = true;
    if (this.#editor !== null) this.#editor.focus();
    else this.#area.focus();
  }

  /** Changes the syntax highlighting and the accessible name. */
  setLanguage(language: Language): void {
    this.#language = language;
    this.#editor?.setLanguage(language);
    this.#name();
  }

  /** Calls `listener` after each change of the program; the result unsubscribes it. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Removes the editor from the page; `code` still returns the program. */
  dispose(): void {
    this.#isDisposed = true;
    this.#listening.abort();
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
    const { number } = this.#options;
    this.#area.setAttribute("aria-label", `${this.#language.name} program of cell ${number}`);
  }

  #changed(): void {
    // Forms submit the page's own text area, and scripts read it.
    if (this.#editor !== null && this.#options.area !== null) this.#area.value = this.code();
    for (const listener of this.#listeners) listener();
  }

  #replace(create: (options: EditorOptions) => Editor, tools: EditorTools): void {
    const wantsFocus = this.#wantsFocus || document.activeElement === this.#area;
    const { selection } = this;
    const parent = Object.assign(division("CodeMirror"), { CodeMirror: this.found });
    this.#editor = create({
      parent,
      number: this.#options.number,
      code: this.#area.value,
      language: this.#language,
      onEvaluate: this.#options.onEvaluate,
      isReadOnly: this.#isReadOnly,
      onChange: () => this.#changed(),
      completer: tools.completer,
      completesWhileTyping: this.#options.completesWhileTyping,
      renderText: tools.renderText,
    });
    this.#editor.select(selection);
    if (this.#options.area === null) {
      this.#area.replaceWith(parent);
    } else {
      this.#area.before(parent);
      this.#area.hidden = true;
    }
    if (wantsFocus) this.#editor.focus();
  }
}

/** A CSS length. */
function length(size: number | string): string {
  return typeof size === "number" ? `${size}px` : size;
}
