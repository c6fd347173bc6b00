/** A cell: a program, the buttons to evaluate it, and its output. */

import { CellEditor } from "./celleditor";
import type { Clock } from "../dom/clock";
import { Commands } from "./commands";
import type { Editor, EditorOptions } from "../editor/editor";
import { division } from "../dom/elements";
import { Execution, type State, isLive } from "../kernel/execution";
import { FullScreen } from "../dom/fullscreen";
import { Presence } from "../dom/presence";
import type { Kernel } from "../kernel/kernel";
import { completerFor } from "../editor/completion";
import { language } from "../editor/languages";
import {
  type JsonObject,
  type KernelMessage,
  type PermalinkWish,
  shellRequest,
} from "../protocol/messages";
import { Outputs } from "./outputs";
import type { CellPlan } from "./plan";
import type { KeptProgram, Server } from "../kernel/server";
import { Share } from "./share";
import { StatusLine } from "./status";

/** What a cell needs. */
export interface CellOptions {
  readonly plan: CellPlan;
  readonly server: Server;
  /** The kernel for the next evaluation: a fresh one, or the one that linked cells share. */
  readonly kernel: () => Kernel;
  readonly clock: Clock;
  readonly newId: () => string;
  /** Loads the editor's chunk; see `PageOptions`, also for the two below. */
  readonly loadEditor: () => Promise<(options: EditorOptions) => Editor>;
  readonly copy: (field: HTMLInputElement) => Promise<void>;
  readonly nextFrame: (act: () => void) => void;
}

/** One cell on the page, from its construction to `dispose`. */
export class Cell {
  readonly editor: CellEditor;
  readonly input = division("sagecell_input");
  readonly #options: CellOptions;
  readonly #commands: Commands;
  readonly #status: StatusLine;
  readonly #share: Share;
  readonly #outputs: Outputs;
  readonly #presence: Presence;
  /** Kernels of this cell alone: the last one, and those whose controls are still shown. */
  readonly #ownKernels = new Set<Kernel>();
  #language: string;
  /** A program that the server has stored, and the id of its permalink. */
  #stored: { readonly program: KeptProgram; readonly id: string } | null = null;
  #kernel: Kernel | null = null;
  #execution: Execution | null = null;
  #isDisposed = false;

  constructor(options: CellOptions) {
    const { plan, server, clock, nextFrame, copy } = options;
    this.#options = options;
    this.#language = plan.language;
    this.#status = new StatusLine(clock);
    this.#share = new Share({
      keep: (program) => server.keep(program),
      keepPermalink: (id) => server.keepPermalink(id),
      address: (path) => server.address(path),
      copy,
    });
    this.#outputs = new Outputs({ plan, server, nextFrame, now: () => clock.now() * 1000 });
    this.editor = new CellEditor({
      kind: plan.editor,
      code: plan.code,
      language: language(plan.language),
      onEvaluate: () => this.evaluate(),
      completer: completerFor({
        kernel: () => this.#kernel,
        language: () => this.#language,
        ask: (type, content) => this.#ask(type, content),
      }),
      load: options.loadEditor,
    });
    this.#commands = new Commands({
      plan,
      status: this.#status,
      fullScreen: new FullScreen(this.input),
      onEvaluate: () => this.evaluate(),
      onStop: () => this.#execution?.stop(),
      onShare: () => this.#showLinks(),
      onLanguage: (name) => this.#setLanguage(name),
    });
    if (plan.permalinkId !== "") {
      const { code, language, permalinkId: id } = plan;
      const interacts = JSON.stringify(plan.interacts);
      this.#stored = { program: { code, language, interacts }, id };
    }
    this.#build();
    // Pages may remove a cell from the DOM without calling `deleteSagecell`.
    this.#presence = new Presence({
      parts: [this.input, this.#outputs.element],
      clock,
      onGone: () => this.#abandon(),
    });
  }

  /** The kernel of the last evaluation; null before the first. */
  get kernel(): Kernel | null {
    return this.#kernel;
  }

  /** The name of the selected language. */
  get language(): string {
    return this.#language;
  }

  /** The state of the interacts that are shown, as permalinks store it. */
  get interacts(): JsonObject[] {
    return this.#kernel === null ? [] : this.#outputs.kept(this.#kernel);
  }

  /** Runs the program; does nothing while it is running, or after `dispose`. */
  evaluate(): void {
    if (this.#isDisposed || (this.#execution && isLive(this.#execution.state))) return;
    const { plan, clock, newId } = this.#options;
    const program = this.#programToRun();
    const code = this.#wrapped();
    const kernel = this.#nextKernel();
    const run = kernel.run();
    const execution = new Execution({
      code,
      language: this.#language,
      permalink: plan.permalink && this.#idOf(program) === "" ? wishFor(program, code) : null,
      server: run.server,
      openChannel: run.openChannel,
      clock,
      newId,
      onMessage: (message) => this.#said(message),
      onState: (state) => {
        if (!isLive(state)) run.over();
        this.#entered(state);
      },
      onPermalink: (id) => this.#hasPermalink(program, id),
      onWarning: (sentence) => this.#status.warn(sentence),
    });
    this.#execution = execution;
    this.#outputs.begin(kernel, () => execution.kernelId);
    plan.output.hidden = false;
    void execution.start();
  }

  /** Moves the keyboard focus into the editor. */
  focus(): void {
    this.editor.focus();
  }

  /** Removes the cell from the page and ends its kernels, unless other cells share them. */
  dispose(): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    this.#presence.dispose();
    this.#execution?.stop();
    this.#endOwnKernels();
    this.#status.dispose();
    this.#outputs.dispose();
    this.editor.dispose();
    this.input.remove();
  }

  #nextKernel(): Kernel {
    const { plan, kernel } = this.#options;
    const next = kernel();
    if (plan.linkKey === null) {
      if (plan.replaceOutput) this.#endOwnKernels();
      for (const own of this.#ownKernels) if (own.id === "") this.#ownKernels.delete(own);
      this.#ownKernels.add(next);
    }
    this.#kernel = next;
    return next;
  }

  #endOwnKernels(): void {
    for (const kernel of this.#ownKernels) kernel.end();
    this.#ownKernels.clear();
  }

  #wrapped(): string {
    const code = this.editor.code();
    if (this.#language === "python" && this.#options.plan.plainPython) return code;
    return language(this.#language).wrap(code);
  }

  /** The program as it is now, with the state of the interacts that are shown. */
  #program(): KeptProgram {
    const interacts = JSON.stringify(this.interacts);
    return { code: this.editor.code(), language: this.#language, interacts };
  }

  /** The program with the state that its interacts will have first. */
  #programToRun(): KeptProgram {
    const interacts = JSON.stringify(this.#options.plan.interacts);
    return { code: this.editor.code(), language: this.#language, interacts };
  }

  #hasPermalink(program: KeptProgram, id: string): void {
    if (this.#isDisposed || id === "") return;
    const { plan, server } = this.#options;
    this.#stored = { program, id };
    plan.onPermalink(id, server.address(`?${new URLSearchParams({ q: id })}`));
  }

  /** The id of the permalink that has exactly this program; empty for none. */
  #idOf({ code, language, interacts }: KeptProgram): string {
    if (this.#stored === null) return "";
    const { program, id } = this.#stored;
    const isSame =
      code === program.code && language === program.language && interacts === program.interacts;
    return isSame ? id : "";
  }

  #showLinks(): void {
    const program = this.#program();
    void this.#share.show(program, this.#idOf(program));
  }

  /** Sends a request to the server's own completer, which needs no kernel. */
  #ask(type: string, content: JsonObject): Promise<JsonObject> {
    const { server, newId, clock } = this.#options;
    const by = { msgId: newId(), session: "", date: clock.date() };
    return server.complete(shellRequest(type, content, by));
  }

  #setLanguage(name: string): void {
    this.#language = name;
    this.editor.setLanguage(language(name));
  }

  #said(message: KernelMessage): void {
    if (this.#isDisposed) return;
    if (this.#options.plan.isDebug) console.debug(message);
    this.#outputs.append(message);
    if (message.type === "execute_reply") this.#outputs.files(message.content.newFiles);
  }

  #entered(state: State): void {
    if (this.#isDisposed) return;
    this.#status.show(state);
    this.#commands.show(state);
    this.#outputs.show(state);
    if (!this.#presence.isOnPage) this.#abandon();
  }

  /** Stops the program, or ends its kernels, once neither input nor output is on the page. */
  #abandon(): void {
    const state = this.#execution?.state;
    if (state === undefined || state.name === "stopping") return;
    if (isLive(state)) this.#execution?.stop();
    else this.#endOwnKernels();
  }

  #build(): void {
    const { plan } = this.#options;
    const parts = [this.editor.element, this.#commands.element, this.#share.element];
    if (plan.collapse === null) this.input.append(...parts);
    else this.input.append(folded(parts, plan.collapse));
    this.editor.element.hidden = plan.hide.has("editor");
    plan.input.classList.add("sagecell");
    plan.output.classList.add("sagecell");
    plan.input.replaceChildren(this.input);
    plan.output.append(this.#outputs.element);
    if (!this.editor.element.hidden) void this.editor.open();
  }
}

/** What a permalink needs besides `sent`, the code that is run. */
function wishFor({ code, interacts }: KeptProgram, sent: string): PermalinkWish {
  return { ...(code !== sent && { code }), ...(interacts !== "[]" && { interacts }) };
}

function folded(parts: readonly HTMLElement[], isClosed: boolean): HTMLElement {
  const fold = document.createElement("details");
  fold.className = "sagecell_collapse";
  fold.open = !isClosed;
  const summary = document.createElement("summary");
  summary.textContent = "Program";
  fold.append(summary, ...parts);
  return fold;
}
