/**
 * The interface for pages: `window.sagecell`, which embedded_sagecell.js defines.
 *
 * The server serves this file as /static/embedded_sagecell.d.ts, beside the script.
 * docs/embedding.rst explains each option.
 */

/** A CSS selector, an element, or a list of elements: an array, a NodeList, a jQuery object. */
export type ElementLocation = string | Element | ArrayLike<Element>;

/** A language that a cell may be written in, as options name it. */
export type LanguageName =
  "sage" | "gap" | "gp" | "html" | "macaulay2" | "maxima" | "octave" | "python" | "r" | "singular";

/** CodeMirror or a plain text area, each also read-only. */
export type EditorKind = "codemirror" | "codemirror-readonly" | "textarea" | "textarea-readonly";

/** The options of `makeSagecell`. */
export interface EmbedOptions {
  /** Where the cells go: each of these elements becomes a cell. */
  inputLocation: ElementLocation;
  /** Where output goes; by default below the cell's program. */
  outputLocation?: ElementLocation;
  /** The program; by default the content of `codeLocation`, else that of the cell's element. */
  code?: string;
  /** The element that contains the program. */
  codeLocation?: ElementLocation;
  /** The languages that the reader may choose from; by default `["sage"]`. */
  languages?: LanguageName | readonly LanguageName[];
  /** One of `languages`; by default the first. */
  defaultLanguage?: LanguageName;
  /** The label of the button; by default "Evaluate". */
  evalButtonText?: string;
  /** Whether to evaluate when the page is opened; by default false. */
  autoeval?: boolean;
  /** Whether the cells of this call share a kernel; by default false. */
  linked?: boolean;
  /** All cells of the page with the same key share a kernel, whatever `linked` is. */
  linkKey?: string | number;
  /** By default "codemirror". */
  editor?: EditorKind;
  /**
   * Parts to hide: editor, fullScreen, language, evalButton, output, messages, sessionFiles,
   * permalink. Other names are ignored.
   */
  hide?: string | readonly string[];
  /** Options for this call to override: one of `sagecell.templates`, or its name. */
  template?: keyof SagecellApi["templates"] | Partial<EmbedOptions>;
  /** False keeps the output of earlier evaluations; by default true. */
  replaceOutput?: boolean;
  /** Makes the program collapsible: initially closed if true, open if false; by default neither. */
  collapse?: boolean;
  /**
   * "frame" runs scripts in output in a sandboxed frame, false runs none; by default output has the
   * page's rights.
   */
  scripts?: boolean | "frame";
  /** False keeps nothing in the browser for the reader's next visit; by default true. */
  keep?: boolean;
  /** True also offers completions after a pause in typing; by default only Tab does. */
  completeWhileTyping?: boolean;
  /** The state of controls to restore: a value of `CellHandle.interacts`, or its JSON. */
  interacts?: string | readonly object[];
  /** "debug" writes every message to the browser's console; by default "normal". */
  mode?: "normal" | "debug";
  /** Called once, when the cells exist or have failed to load. Exceptions go to `reportError`. */
  callback?: () => void;
  /** A sentence in the place of output before the first evaluation. */
  hint?: string;
  /** Whether each evaluation asks the server to store its program; by default false. */
  permalink?: boolean;
  /** The id of a permalink with the same program, which need not be stored again. */
  permalinkId?: string;
  /** Called with the id and the address of the permalink of an evaluation, once that is stored. */
  onPermalink?: (id: string, address: string) => void;
}

/**
 * The result of `makeSagecell`: its options, and the cell as soon as that has been made.
 *
 * `EmbedOptions.callback` is called then.
 */
export interface CellHandle extends Partial<Omit<EmbedOptions, "interacts">> {
  /** The cell's element; until the cell has been made, the value that the call gave. */
  inputLocation: ElementLocation;
  /** The output's element; until the cell has been made, the value that the call gave. */
  outputLocation: ElementLocation;
  /** Access to the program in the editor; null until the cell has been made. */
  editorData: EditorData | null;
  /** Null until the cell has been made. */
  session: CellSession | null;
  /** The state of the interacts that the cell shows, in order of appearance. */
  readonly interacts: readonly object[];
  /** Evaluates as soon as the cell has been made; prevents the event's default action. */
  submit(event?: Event): false;
  /** One handle per cell; present only if the call made several cells or none. */
  array?: CellHandle[];
}

/** A cell's connection to its kernels. */
export interface CellSession {
  /** Whether other cells may share the kernel. */
  readonly linked: boolean;
  /** The program of the last evaluation as the reader saw it; empty before the first. */
  readonly code: string;
  /** The kernel of the last evaluation; null before the first. */
  readonly kernel: CellKernel | null;
}

/** A kernel, as pages see it. */
export interface CellKernel {
  /** The server's id for the kernel; empty while none is running. */
  readonly id: string;
}

/** The subset of CodeMirror 5's interface that pages use; it works for each kind of editor. */
export interface EditorData {
  getValue(): string;
  setValue(code: string): void;
  getDoc(): EditorData;
  lineCount(): number;
  firstLine(): number;
  lastLine(): number;
  /** `line` counts from 0; undefined past the end. */
  getLine(line: number): string | undefined;
  getRange(from: EditorPosition, to: EditorPosition): string;
  /** Replaces the text from `from` to `to`; without `to`, inserts at `from`. */
  replaceRange(text: string, from: EditorPosition, to?: EditorPosition): void;
  indexFromPos(position: EditorPosition): number;
  posFromIndex(index: number): EditorPosition;
  /** The position of one end of the selection: by default "head", where the cursor is. */
  getCursor(end?: "anchor" | "head" | "from" | "to" | "start" | "end" | boolean): EditorPosition;
  setCursor(position: EditorPosition): void;
  setCursor(line: number, ch?: number): void;
  /** The selected text; empty when nothing is selected. */
  getSelection(): string;
  setSelection(anchor: EditorPosition, head?: EditorPosition): void;
  /** Replaces the selection; the cursor is then at the end, or where `select` says. */
  replaceSelection(text: string, select?: "around" | "start" | "end"): void;
  somethingSelected(): boolean;
  /** Runs a command of CodeMirror 5, such as "selectAll" or "indentMore"; not in a text area. */
  execCommand(name: string): void;
  undo(): void;
  redo(): void;
  clearHistory(): void;
  /** Calls `act` at once. */
  operation<T>(act: () => T): T;
  focus(): void;
  hasFocus(): boolean;
  /** Numbers are pixels, texts CSS lengths, null leaves a size; "auto" fits the program. */
  setSize(width: number | string | null, height: number | string | null): void;
  /** Does nothing. */
  refresh(): void;
  /** Does nothing: a text area of the page always has the program. */
  save(): void;
  /** Does nothing: the cursor is always scrolled to. */
  scrollIntoView(): void;
  /** The value that `setOption` was given; undefined for any other name. */
  getOption(name: string): unknown;
  /** Stores `value` for `getOption`; it has no effect on the editor. */
  setOption(name: string, value: unknown): void;
  /** Calls `handler` after each "change"; other event types are ignored. */
  on(type: string, handler: (editor: EditorData, change: object) => void): void;
  off(type: string, handler: (editor: EditorData, change: object) => void): void;
  /** The page's own text area, or one that CodeMirror has replaced. */
  getTextArea(): HTMLTextAreaElement;
  getWrapperElement(): HTMLElement;
}

/** A place in a program; both count from 0. Without `ch`, the end of the line. */
export interface EditorPosition {
  readonly line: number;
  readonly ch?: number | null;
}

/** `window.sagecell`. */
export interface SagecellApi {
  /** Makes a cell of each element at `inputLocation` that is not yet a cell. */
  makeSagecell(options: EmbedOptions): CellHandle;
  /** Removes the cell and its output from the page; ends its kernel unless others share it. */
  deleteSagecell(cell: CellHandle): void;
  /** Hides the cell's editor and buttons. */
  moveInputForm(cell: CellHandle): void;
  /** Undoes `moveInputForm`. */
  restoreInputForm(cell: CellHandle): void;
  readonly templates: Readonly<Record<"minimal" | "restricted", Partial<EmbedOptions>>>;
  readonly allLanguages: readonly LanguageName[];
  /** The server's base address, to be set before the first call; by default that of the script. */
  root?: string;
  /** The kernels of the page's cells in order of creation, null where none is running. */
  readonly kernels: readonly (CellKernel | null)[];
  /** The index in `kernels` for each `linkKey`. */
  readonly linkKeys: Readonly<Record<string, number>>;
}

declare global {
  var sagecell: SagecellApi;
}
