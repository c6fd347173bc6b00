/** A cell: a program, the means to evaluate it, and what it said. */

import { type Clock } from "./clock";
import { type Editor, type EditorOptions } from "./editor";
import { button, division } from "./elements";
import { Execution, type Socket, type State, isLive } from "./execution";
import { type KernelMessage } from "./messages";
import { fileList, filePath, newFiles } from "./output/files";
import { Output } from "./output/output";
import { type Server } from "./server";
import { Share } from "./share";
import { StatusLine } from "./status";

export interface CellOptions {
  readonly element: HTMLElement;
  readonly code: string;
  readonly server: Server;
  readonly openSocket: (address: string) => Socket;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly createEditor: (options: EditorOptions) => Editor;
  readonly copy: (field: HTMLInputElement) => Promise<void>;
  readonly nextFrame: (act: () => void) => void;
}

export class Cell {
  readonly #options: CellOptions;
  readonly #editor: Editor;
  readonly #evaluate = button("Evaluate", "sagecell_evalButton", () => this.evaluate());
  readonly #stop = button("Stop", "sagecell_stopButton", () => this.#execution?.stop());
  readonly #status: StatusLine;
  readonly #share: Share;
  readonly #output: Output;
  readonly #files = division("sagecell_sessionFiles");
  readonly #outputSection = document.createElement("section");
  readonly #hint = document.createElement("p");
  #execution: Execution | null = null;
  #evaluations = 0;

  constructor(options: CellOptions) {
    const { element, code, server, clock, nextFrame, copy } = options;
    this.#options = options;
    this.#status = new StatusLine(clock);
    this.#output = new Output({ nextFrame, now: () => clock.now() * 1000 });
    this.#share = new Share({
      keep: (program) => server.keep(program),
      address: (path) => server.address(path),
      copy,
    });
    const input = division("sagecell_input");
    const editor = division("sagecell_editor");
    input.append(editor, this.#commands(), this.#share.element);
    this.#outputSection.className = "sagecell_output";
    this.#outputSection.setAttribute("aria-label", "Output");
    this.#hint.className = "sagecell_hint";
    this.#hint.textContent = "What the program prints, draws and writes will appear here.";
    this.#outputSection.append(this.#hint, this.#output.element, this.#files);
    element.classList.add("sagecell");
    element.replaceChildren(input, this.#outputSection);
    this.#stop.hidden = true;
    this.#editor = options.createEditor({
      parent: editor,
      code,
      onEvaluate: () => this.evaluate(),
    });
  }

  /** Runs the program on a fresh kernel; nothing happens while one is running. */
  evaluate(): void {
    if (this.#execution && isLive(this.#execution.state)) return;
    const { server, openSocket, clock, newId } = this.#options;
    this.#evaluations += 1;
    this.#hint.remove();
    this.#files.replaceChildren();
    const execution = new Execution({
      code: this.#editor.code(),
      server,
      openSocket,
      clock,
      newId,
      onMessage: (message) => this.#said(message, execution.kernelId),
      onState: (state) => this.#entered(state),
      onWarning: (sentence) => this.#status.warn(sentence),
    });
    this.#execution = execution;
    this.#output.begin((name) => this.#fileAddress(execution.kernelId, name));
    void execution.start();
  }

  focus(): void {
    this.#editor.focus();
  }

  #said(message: KernelMessage, kernelId: string): void {
    this.#output.take(message);
    if (message.type !== "execute_reply") return;
    const list = fileList({
      kernelId,
      names: newFiles(message.content),
      evaluation: this.#evaluations,
      address: (path) => this.#options.server.address(path),
    });
    this.#files.replaceChildren(...list);
  }

  #entered(state: State): void {
    const live = isLive(state);
    const hadFocus = document.activeElement === this.#stop;
    this.#status.show(state);
    // Not `disabled`: that would take the keyboard's focus away from the button.
    this.#evaluate.setAttribute("aria-disabled", String(live));
    this.#stop.hidden = !live;
    this.#stop.textContent = state.name === "stopping" ? "Stop now" : "Stop";
    this.#outputSection.setAttribute("aria-busy", String(live));
    if (live) return;
    if (hadFocus) this.#evaluate.focus();
    void this.#output.settle();
  }

  #fileAddress(kernelId: string, name: string): string | null {
    const [path = "", query] = name.split("?", 2);
    const file = filePath(kernelId, path);
    if (file === null) return null;
    const version = new URLSearchParams(query ?? { q: String(this.#evaluations) });
    return `${this.#options.server.address(file)}?${version}`;
  }

  #commands(): HTMLElement {
    const commands = division("sagecell_commands");
    const share = button("Share", "sagecell_shareButton", () => {
      void this.#share.show(this.#editor.code());
    });
    commands.append(this.#evaluate, this.#stop, this.#status.element, share);
    return commands;
  }
}
