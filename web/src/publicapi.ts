/**
 * What pages call: `window.sagecell`, which embedded_sagecell.js puts there.
 *
 * The server has these types as /static/embedded_sagecell.d.ts, beside the script. docs/embedding.rst
 * explains each option.
 */

/** A selector, an element, or several: an array, a NodeList, a jQuery object. */
export type ElementLocation = string | Element | ArrayLike<Element>;

export type LanguageName =
  "sage" | "gap" | "gp" | "html" | "macaulay2" | "maxima" | "octave" | "python" | "r" | "singular";

/** CodeMirror, or a text area. */
export type EditorKind = "codemirror" | "codemirror-readonly" | "textarea" | "textarea-readonly";

/** What `makeSagecell` takes. */
export interface EmbedOptions {
  /** Where the cells go: each element becomes one. */
  inputLocation: ElementLocation;
  /** Where output goes; by default below the program. */
  outputLocation?: ElementLocation;
  /** The program; by default what `codeLocation` has, or else the element itself. */
  code?: string;
  /** The element that has the program. */
  codeLocation?: ElementLocation;
  /** What the reader may choose from; by default `["sage"]`. */
  languages?: LanguageName | readonly LanguageName[];
  /** One of `languages`; by default the first. */
  defaultLanguage?: LanguageName;
  /** By default "Evaluate". */
  evalButtonText?: string;
  /** Whether to evaluate when the page is opened; by default false. */
  autoeval?: boolean;
  /** Whether the cells of this call share a kernel; by default false. */
  linked?: boolean;
  /** All cells of the page with the same key share a kernel. */
  linkKey?: string | number;
  /** By default "codemirror". */
  editor?: EditorKind;
  /**
   * Parts that are not shown: editor, fullScreen, language, evalButton, output, messages,
   * sessionFiles, permalink. Other names hide nothing.
   */
  hide?: string | readonly string[];
  /** Options that those of this call are put above: one of `sagecell.templates`, or its name. */
  template?: keyof SagecellApi["templates"] | Partial<EmbedOptions>;
  /** False keeps the output of earlier evaluations; by default true. */
  replaceOutput?: boolean;
  /** The program under a fold, closed when true, open when false; by default without a fold. */
  collapse?: boolean;
  /** False makes output harmless; by default it may do what the page may. */
  scripts?: boolean;
  /** The state of controls, as `CellHandle.interacts` gave it, or its JSON. */
  interacts?: string | readonly object[];
  /** "debug" writes every message to the browser's console; by default "normal". */
  mode?: "normal" | "debug";
  /** Called once, when the cells of this call are there. What it throws goes to `reportError`. */
  callback?: () => void;
  /** A sentence in the place of output until there is some. */
  hint?: string;
}

/**
 * What `makeSagecell` returns at once: all options, and the cell when that is there.
 *
 * `EmbedOptions.callback` tells when it is.
 */
export interface CellHandle extends Partial<Omit<EmbedOptions, "interacts">> {
  /** The cell's element when the cell is there; until then, what the call named. */
  inputLocation: ElementLocation;
  /** The output's element, in the same way. */
  outputLocation: ElementLocation;
  /** The program in the cell's editor; null until the cell is there. */
  editorData: EditorData | null;
  /** Null until the cell is there. */
  session: CellSession | null;
  /** The state of the controls that the cell shows, in their order. */
  readonly interacts: readonly object[];
  /** Evaluates as soon as the cell is there, and prevents the default of a form's event. */
  submit(event?: Event): false;
  /** One for each cell, where the call made several cells or none. */
  array?: CellHandle[];
}

/** A cell's kernel. */
export interface CellSession {
  /** Whether other cells may share it. */
  readonly linked: boolean;
  /** Null while there is none. */
  readonly kernel: CellKernel | null;
}

export interface CellKernel {
  /** The id by which the server knows it; empty while there is none. */
  readonly id: string;
}

/** The calls that pages make of a CodeMirror 5 editor, whatever the cell's editor is. */
export interface EditorData {
  getValue(): string;
  setValue(code: string): void;
  getDoc(): EditorData;
  lineCount(): number;
  /** `line` counts from 0; undefined past the end. */
  getLine(line: number): string | undefined;
  focus(): void;
  /** Does nothing. */
  refresh(): void;
  /** Does nothing. */
  save(): void;
  /** What `setOption` was told; undefined for anything else. */
  getOption(name: string): unknown;
  /** Changes nothing of the editor. */
  setOption(name: string, value: unknown): void;
  /** Calls `handler` after each "change"; there are no other events. */
  on(type: string, handler: (editor: EditorData, change: object) => void): void;
  off(type: string, handler: (editor: EditorData, change: object) => void): void;
  getWrapperElement(): HTMLElement;
}

export interface SagecellApi {
  /** Makes a cell of each element at `inputLocation` that is none yet. */
  makeSagecell(options: EmbedOptions): CellHandle;
  /** Takes cell and output off the page and lets the kernel go, unless others share it. */
  deleteSagecell(cell: CellHandle): void;
  /** Takes the cell's editor and buttons out of sight. */
  moveInputForm(cell: CellHandle): void;
  /** Brings them back. */
  restoreInputForm(cell: CellHandle): void;
  readonly templates: Readonly<Record<"minimal" | "restricted", Partial<EmbedOptions>>>;
  readonly allLanguages: readonly LanguageName[];
  /** The server's root, to be set before the first call; by default the script's server. */
  root?: string;
  /** The kernels of the page's cells, in the order in which these were made; null while there is none. */
  readonly kernels: readonly (CellKernel | null)[];
  /** The place in `kernels` of each `linkKey`. */
  readonly linkKeys: Readonly<Record<string, number>>;
}

declare global {
  var sagecell: SagecellApi;
}
