/** A cell: a program, the buttons to evaluate it, and its output. */

import type { Clock } from "../dom/clock";
import type { Editor, EditorOptions } from "../editor/editor";
import { Execution, type ExecutionOptions, type State, isLive } from "../kernel/execution";
import { renderText } from "../output/mime";
import { Presence } from "../dom/presence";
import { Keeper, type KeeperOptions } from "../kept/keeper";
import type { Kernel, Run } from "../kernel/kernel";
import { OwnKernels } from "../kernel/ownkernels";
import { type LinkedCell, type LinkedCells, LossNotice } from "../linked/losses";
import { completerFor } from "../editor/completion";
import { language } from "../editor/languages";
import { KernelGone } from "../protocol/ask";
import type { KeptProgram } from "../protocol/kept";
import { type JsonObject, type KernelMessage, shellRequest } from "../protocol/messages";
import type { CellForm } from "./form";
import { Outputs } from "./outputs";
import type { CellPlan } from "./plan";
import { Permalink } from "../kernel/permalink";
import type { KeptProgram as SharedProgram, Server } from "../kernel/server";
import { Share } from "./share";

/** Where a cell's program is kept for the next visit. */
export interface KeptPlace extends Pick<KeeperOptions, "programs" | "key"> {
  /** The key at the page's present address with the program `original`; null if it is the same. */
  readonly keyNow: (original: string) => string | null;
}

/** What a cell needs. */
export interface CellOptions {
  readonly plan: CellPlan;
  /** The editor and buttons, which are on the page already. */
  readonly form: CellForm;
  readonly server: Server;
  /** The kernel for the next evaluation: a fresh one, or the one that linked cells share. */
  readonly kernel: () => Kernel;
  /** The cells that share that kernel; null if none do. */
  readonly group: LinkedCells | null;
  readonly clock: Clock;
  readonly newId: () => string;
  /** Loads the editor's chunk; see `PageOptions`, also for the two below. */
  readonly loadEditor: () => Promise<(options: EditorOptions) => Editor>;
  readonly copy: (field: HTMLInputElement) => Promise<void>;
  readonly nextFrame: (act: () => void) => void;
  /** Where the reader's program is kept for the next visit; null to keep nothing. */
  readonly kept: KeptPlace | null;
  /** See `PresenceOptions`. */
  readonly onInserted: () => void;
}

/** What an execution needs of the program. */
type ProgramToRun = Pick<ExecutionOptions, "code" | "language" | "permalink" | "onPermalink">;

/** One cell on the page, from its construction to `dispose`. */
export class Cell {
  readonly #options: CellOptions;
  readonly #form: CellForm;
  readonly #share: Share;
  readonly #outputs: Outputs;
  readonly #presence: Presence;
  readonly #keeper: Keeper | null;
  readonly #ownKernels = new OwnKernels();
  /** The cell as those see it that share its kernel. */
  readonly #linked: LinkedCell;
  readonly #permalink = new Permalink();
  readonly #lossNotice = new LossNotice(() => this.#evaluateAgain());
  /** Ends the following of evaluations whose output is shown. */
  #unfollow: (() => void)[] = [];
  #evaluated = "";
  #kernel: Kernel | null = null;
  /** The kernel whose output is shown. */
  #shownKernel: Kernel | null = null;
  #execution: Execution | null = null;
  #isDisposed = false;

  constructor(options: CellOptions) {
    const { plan, form, server, clock, nextFrame, copy } = options;
    this.#options = options;
    this.#form = form;
    this.#share = new Share({
      keep: (program) => server.keep(program),
      keepPermalink: (id) => server.keepPermalink(id),
      address: (path) => server.address(path),
      copy,
      opener: form.commands.share,
    });
    this.#outputs = new Outputs({
      plan,
      server,
      nextFrame,
      clock,
      onInteractFailed: (hasFailed) => this.#form.status.showInteract(hasFailed),
      onAsked: (label) => this.#form.status.ask(label),
      onEcho: (message) => this.#keeper?.record(message),
    });
    this.#linked = { element: plan.input, evaluate: () => this.evaluate() };
    form.commands.element.after(this.#share.element, this.#lossNotice.element);
    plan.output.append(this.#outputs.element);
    this.#keeper = options.kept && this.#makeKeeper(options.kept);
    if (!form.editor.element.hidden) void this.#openEditor();
    // Pages may remove a cell from the DOM without calling `deleteSagecell`.
    this.#presence = new Presence({
      parts: [form.input, this.#outputs.element],
      clock,
      onGone: () => this.#abandon(),
      onInserted: options.onInserted,
    });
    this.#keeper?.open();
    const { code, language } = plan;
    const interacts = JSON.stringify(plan.interacts);
    this.#permalink.stored({ code, language, interacts }, plan.permalinkId);
    form.connect({
      evaluate: () => this.evaluate(),
      stop: () => this.#execution?.stop(),
      share: () => this.#showLinks(),
    });
    if (!plan.hide.has("language")) void this.#markMissingLanguages();
  }

  async #markMissingLanguages(): Promise<void> {
    const installed = await this.#options.server.languages();
    if (installed.length > 0) this.#form.commands.markMissing(installed);
  }

  /** The kernel of the last evaluation; null before the first. */
  get kernel(): Kernel | null {
    return this.#kernel;
  }

  /** The program of the last evaluation; empty before the first. */
  get evaluated(): string {
    return this.#evaluated;
  }

  /** The state of the interacts that are shown, as permalinks store it. */
  get interacts(): JsonObject[] {
    return this.#shownKernel === null ? [] : this.#outputs.kept(this.#shownKernel);
  }

  /** Runs the program; does nothing while it is running, or after `dispose`. */
  evaluate(): void {
    if (this.#isDisposed || this.#isLive) return;
    const { plan, group } = this.#options;
    const replaced = this.#ownKernels.makeWay(plan.replaceOutput);
    const kernel = this.#nextKernel();
    this.#evaluated = this.#form.editor.code();
    const program = this.#programToRun();
    // Until then the old output and controls stay: the server may be away, or refuse.
    const onRunning = (run: Run) => {
      for (const before of replaced.splice(0)) this.#ownKernels.end(before);
      this.#shownKernel = kernel;
      if (plan.replaceOutput) this.#followNone();
      const late = this.#outputs.begin(kernel, () => execution.kernelId);
      this.#keeper?.began(() => execution.kernelId);
      this.#unfollow.push(this.#follow(run, late));
      group?.forget(this.#linked);
      this.#lossNotice.show(group !== null && group.above(this.#linked).length > 0);
    };
    let execution = this.#execute(kernel, program, (message) => this.#said(message), {
      answers: !plan.hide.has("output"),
      onRunning,
      onOver: () => {
        if (this.#shownKernel === kernel) return;
        this.#ownKernels.forget(kernel);
        replaced.forEach((before) => before.keepControls());
      },
    });
    if (group === null) {
      kernel.canStartAgain(() => {
        if (this.#isLive || this.#isDisposed) return Promise.reject(new KernelGone());
        this.#ownKernels.add(kernel);
        const { interacts } = kernel;
        return new Promise((resolve, reject) => {
          const onOver = (state: State) =>
            state.name === "done" ? resolve() : reject(new KernelGone());
          const again = { ...program, permalink: null };
          execution = this.#execute(kernel, again, (said) => interacts.renew(said), { onOver });
          void execution.start();
        });
      });
    }
    this.#form.status.warn("");
    this.#lossNotice.show(false);
    plan.output.hidden = false;
    void execution.start();
  }

  /** Moves the keyboard focus into the editor. */
  focus(): void {
    this.#form.editor.focus();
  }

  /** Removes the cell from the page and ends its kernels, unless other cells share them. */
  dispose(): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    this.#presence.dispose();
    this.#execution?.stop();
    this.#ownKernels.endAll();
    this.#followNone();
    this.#options.group?.forget(this.#linked);
    this.#outputs.dispose();
    this.#keeper?.dispose();
    this.#form.dispose();
  }

  get #isLive(): boolean {
    return this.#execution !== null && isLive(this.#execution.state);
  }

  /** A new execution, not started yet, whose state the cell shows. */
  #execute(
    kernel: Kernel,
    program: ProgramToRun,
    onMessage: (message: KernelMessage) => void,
    on: {
      readonly answers?: boolean;
      readonly onRunning?: (run: Run) => void;
      readonly onOver?: (state: State) => void;
    },
  ): Execution {
    const { clock, newId } = this.#options;
    const run = kernel.run();
    let hasRun = false;
    const execution = new Execution({
      ...program,
      // The kernel that cells share goes on, and so do the program's threads.
      waits: this.#options.group === null,
      answers: on.answers ?? false,
      server: run.server,
      openChannel: run.openChannel,
      clock,
      newId,
      onMessage,
      onState: (state) => {
        if (!isLive(state)) run.over();
        if (state.name === "running" && !hasRun && !this.#isDisposed) {
          hasRun = true;
          on.onRunning?.(run);
        }
        this.#entered(state);
        if (!isLive(state)) on.onOver?.(state);
      },
      onWarning: (sentence) => this.#form.status.warn(sentence),
    });
    this.#execution = execution;
    return execution;
  }

  /** Shows what follows an evaluation's end; `late` takes its output. Returns how to stop that. */
  #follow(run: Run, late: (message: KernelMessage) => void): () => void {
    const { group } = this.#options;
    return run.follow({
      onOutput: (message, isOwn) => {
        late(message);
        if (!isOwn) return;
        this.#keeper?.record(message);
        this.#keeper?.changed();
      },
      // A kernel that is not shared ends unannounced: no other program could use its variables.
      onWarning: (sentence) => {
        if (group !== null) this.#form.status.warn(sentence);
      },
      onEnd: (sentence) => {
        if (group === null) return;
        this.#form.status.warn(sentence);
        group.lose(this.#linked);
      },
    });
  }

  #followNone(): void {
    for (const unfollow of this.#unfollow.splice(0)) unfollow();
  }

  /** Evaluates the cells above whose variables are gone, then this cell. */
  #evaluateAgain(): void {
    const above = this.#options.group?.above(this.#linked) ?? [];
    for (const cell of above) cell.evaluate();
    this.evaluate();
    this.#form.commands.evaluate.focus(); // Otherwise the focus would be lost with the button.
  }

  #nextKernel(): Kernel {
    const { plan, kernel } = this.#options;
    const next = kernel();
    if (plan.linkKey === null) this.#ownKernels.add(next);
    this.#kernel = next;
    return next;
  }

  /** The program as it is now, with the state of the interacts that are shown. */
  #program(): SharedProgram {
    const interacts = JSON.stringify(this.interacts);
    return { code: this.#form.editor.code(), language: this.#form.language, interacts };
  }

  /** The program for an execution, which asks for a permalink unless there is one. */
  #programToRun(): ProgramToRun {
    const { plan } = this.#options;
    // With the state that interacts will have first.
    const program = { ...this.#program(), interacts: JSON.stringify(plan.interacts) };
    const code = language(program.language).wrap(program.code);
    return {
      code,
      language: program.language,
      permalink: plan.permalink ? this.#permalink.wishFor(program, code) : null,
      onPermalink: (id) => this.#hasPermalink(program, id),
    };
  }

  #hasPermalink(program: SharedProgram, id: string): void {
    if (this.#isDisposed || id === "") return;
    const { plan, server, kept } = this.#options;
    this.#permalink.stored(program, id);
    plan.onPermalink(id, server.address(`?${new URLSearchParams({ q: id })}`));
    const key = kept?.keyNow(program.code);
    if (typeof key === "string") this.#keeper?.hasMoved(key, program.code);
  }

  #showLinks(): void {
    const program = this.#program();
    void this.#share.show(program, this.#permalink.idOf(program));
  }

  #openEditor(): Promise<void> {
    const completer = completerFor({
      kernel: () => this.#kernel,
      language: () => this.#form.language,
      ask: (type, content) => this.#ask(type, content),
      clock: this.#options.clock,
    });
    return this.#form.editor.open({ load: this.#options.loadEditor, completer, renderText });
  }

  /** Sends a request to the server's own completer, which needs no kernel. */
  #ask(type: string, content: JsonObject): Promise<JsonObject> {
    const { server, newId, clock } = this.#options;
    const by = { msgId: newId(), session: "", date: clock.date() };
    return server.complete(shellRequest(type, content, by));
  }

  #makeKeeper(kept: KeptPlace): Keeper {
    const { plan, clock, form } = this.#options;
    const { editor, commands } = form;
    const keeper = new Keeper({
      ...kept,
      original: plan.code,
      autoeval: plan.autoeval,
      clock,
      program: () => ({ code: editor.code(), language: form.language }),
      onShow: (program) => this.#showKept(program),
      // Otherwise the keyboard focus would be lost with the button.
      onChosen: () => commands.evaluate.focus(),
    });
    editor.onChange(() => keeper.changed());
    this.#share.element.after(keeper.element);
    return keeper;
  }

  /** Shows a program of an earlier visit, and its output unless another program is running. */
  #showKept({ code, language: name, kernelId, output }: Omit<KeptProgram, "saved">): void {
    const { plan, form } = this.#options;
    if (plan.languages.includes(name)) form.commands.select(name);
    form.editor.setCode(code);
    if (this.#isLive) return;
    this.#followNone();
    this.#outputs.showKept(kernelId, output);
    plan.output.hidden = false;
  }

  #said(message: KernelMessage): void {
    if (this.#isDisposed) return;
    if (this.#options.plan.isDebug) console.debug(message);
    this.#outputs.append(message);
    this.#keeper?.record(message);
    if (message.type === "execute_reply") this.#outputs.files(message.content.newFiles);
  }

  #entered(state: State): void {
    if (this.#isDisposed) return;
    this.#form.show(state);
    this.#outputs.show(state);
    if (!isLive(state)) this.#keeper?.save();
    if (!this.#presence.isOnPage) this.#abandon();
  }

  /** Stops the program, or ends its kernels, once neither input nor output is on the page. */
  #abandon(): void {
    const state = this.#execution?.state;
    if (state === undefined || state.name === "stopping") return;
    if (isLive(state)) this.#execution?.stop();
    else this.#ownKernels.endAll();
    this.#followNone();
    this.#options.group?.forget(this.#linked);
  }
}
