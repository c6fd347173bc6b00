/** A cell's output: one container for all evaluations, or one for each. */

import type { CommPlace } from "../comm/registry";
import type { Clock } from "../dom/clock";
import { division, note } from "../dom/elements";
import { select } from "../dom/select";
import type { Place } from "../interact/placement";
import { type State, isLive } from "../kernel/execution";
import type { Kernel } from "../kernel/kernel";
import type { Server } from "../kernel/server";
import { FileList, filesBelow, filesPath } from "../output/files";
import { OutputFrame, type FrameMaker } from "../output/frame/frame";
import type { WidgetSource } from "../output/frame/link";
import type { FileAddress } from "../output/html";
import { retryFiles, retryNewFiles } from "../output/loading";
import { Output } from "../output/output";
import { type Showing, harmless } from "../output/policy";
import { whenScriptsHaveRun } from "../output/scripts/scripts";
import type { Answering } from "../output/text/question";
import { trusted } from "../output/trusted";
import { shownId } from "../protocol/interacts/displays";
import {
  type JsonObject,
  type KernelMessage,
  type MimeBundle,
  printed,
} from "../protocol/messages";
import { widgetIn } from "../protocol/widgets/orders";
import type { CellPlan } from "./plan";
import { outputHeightOf } from "./reserved";

/** What the output needs. */
export interface OutputsOptions {
  readonly plan: CellPlan;
  readonly server: Server;
  readonly nextFrame: (act: () => void) => void;
  readonly clock: Clock;
  /** Called with whether an interact of the cell has failed, whenever that changes. */
  readonly onInteractFailed: (hasFailed: boolean) => void;
  /** Called with what a program asks by `input()`; null when it does no longer. */
  readonly onAsked: (label: string | null) => void;
  /** Called with output of the cell that is an answer of the reader's. */
  readonly onEcho: (message: KernelMessage) => void;
}

/** Messages that the log of messages keeps. */
const KEPT_MESSAGES = 1000;

/** The output of one cell: text, displays, files, and the log of messages. */
export class Outputs {
  readonly element = division("sagecell_output_elements");
  readonly #options: OutputsOptions;
  readonly #section = document.createElement("section");
  readonly #hint = document.createElement("p");
  readonly #messages = division("sagecell_messages");
  #container = division("sagecell_sessionContainer");
  #output: Output;
  #files: FileList;
  #evaluations = 0;
  #isLive = false;
  #isSettling = false;
  #kernel: Kernel | null = null;
  #kernelId: () => string = () => "";
  #place: (Place & CommPlace) | null = null;
  /** The interacts whose output has an error. */
  readonly #failing = new Set<object>();

  constructor(options: OutputsOptions) {
    const { plan, server } = options;
    this.#options = options;
    this.#section.className = "sagecell_output";
    this.#section.setAttribute("aria-label", `Output of cell ${plan.number}`);
    this.#hint.className = "sagecell_hint";
    this.#hint.textContent = plan.hint;
    this.#hint.hidden = plan.hint === "";
    this.#section.append(this.#hint);
    this.#output = this.#makeOutput();
    this.#files = new FileList((path) => server.address(path));
    this.#fill();
    this.element.append(this.#section, this.#messages);
    if (plan.hint === "") this.element.append(poweredBy(server.address("")));
    this.#keepPlace(outputHeightOf(plan));
    this.element.hidden = plan.hint === "" && this.element.style.minHeight === "";
    this.#section.hidden = plan.hide.has("output");
    this.#messages.hidden = plan.hide.has("messages");
  }

  /**
   * Prepares for an evaluation on `kernel`; `kernelId` returns "" until the kernel has started.
   *
   * The result takes output that comes after the evaluation's end, where its output is.
   */
  begin(kernel: Kernel, kernelId: () => string): (message: KernelMessage) => void {
    this.element.hidden = false;
    this.#hint.remove();
    // The place that was kept free for the first output stays with it: nothing below it moves.
    if (this.#evaluations > 0) this.#keepPlace("");
    this.#evaluations += 1;
    this.#kernelId = kernelId;
    this.#kernel = kernel;
    this.#putBack();
    if (!this.#options.plan.replaceOutput && this.#evaluations > 1) this.#addContainer();
    this.#leavePlace(kernel);
    this.#place = this.#makePlace(kernel);
    kernel.widgets.begin(this.#options.plan.scripts !== "none");
    this.#files.clear();
    this.#messages.replaceChildren();
    const output = this.#output;
    output.begin(this.#place.showing);
    return (message) => this.#appendLate(output, message);
  }

  /** Shows output that the browser has kept, sanitised: anything on the page may have written it. */
  showKept(kernelId: string, messages: readonly KernelMessage[]): void {
    this.element.hidden = false;
    this.#hint.remove();
    this.#putBack();
    this.#kernelId = () => kernelId;
    this.#files.clear();
    const fileAddress = this.#fileAddress();
    this.#output.begin(harmless({ fileAddress, live: formerControls }));
    for (const message of messages) {
      this.#output.append(message);
      if (message.type === "execute_reply") this.files(message.content.newFiles);
    }
    void this.#output.settle();
  }

  /** Takes a message of the running evaluation. */
  append(message: KernelMessage): void {
    this.#output.append(message);
    if (!this.#messages.hidden) this.#log(message);
  }

  #appendLate(output: Output, message: KernelMessage): void {
    output.append(message);
    if (!this.#messages.hidden) this.#log(message);
    if (this.#isLive || this.#isSettling) return;
    // Once per frame: a program may send thousands of messages.
    this.#isSettling = true;
    void output.settle().then(() => (this.#isSettling = false));
  }

  /** Lists files that the program has written. */
  files(names: readonly string[]): void {
    if (names.length === 0) return;
    this.#files.add(this.#kernelId(), names);
    retryFiles(this.#output.element);
  }

  /** Marks the output as busy while the execution's state is a live one. */
  show(state: State): void {
    this.#isLive = isLive(state);
    this.#showBusy();
    this.#output.block.classList.toggle("sagecell_active", this.#isLive);
    if (this.#isLive) return;
    this.#output.endQuestion();
    retryFiles(this.#output.block);
    void this.#output.settle();
  }

  /** The state of the interacts of the last evaluation, as permalinks store it. */
  kept(kernel: Kernel): JsonObject[] {
    return this.#place === null ? [] : kernel.interacts.kept(this.#place);
  }

  /** Removes the output from the page, and its interacts and comms from a shared kernel. */
  dispose(): void {
    if (this.#kernel !== null) this.#leavePlace(this.#kernel);
    this.#output.dispose();
    this.element.remove();
  }

  /** Keeps a height free, at whose end the last line is; as high as its content for "". */
  #keepPlace(height: string): void {
    this.element.style.minHeight = height;
    this.element.classList.toggle("sagecell_keptPlace", height !== "");
  }

  /** Busy until the last message has been drawn, which may be after the program's end. */
  #showBusy(): void {
    this.#section.setAttribute("aria-busy", String(this.#isLive || !this.#output.isDrawn));
  }

  #drawn(): void {
    this.#showBusy();
    if (!this.#isLive) retryNewFiles(this.#output.element);
    const kernel = this.#kernel;
    if (kernel !== null) void whenScriptsHaveRun().then(() => kernel.comms.drawn());
  }

  /** `announce` places interacts nested in this output; by default they belong to the cell. */
  #makeOutput(announce?: (message: KernelMessage) => void): Output {
    const { nextFrame, clock } = this.#options;
    const now = () => clock.now() * 1000;
    const open = (message: KernelMessage): KernelMessage => {
      const [kernel, place] = [this.#kernel, this.#place];
      if (kernel === null || place === null) return message;
      if (announce === undefined) kernel.interacts.announce(message, place);
      else announce(message);
      return kernel.comms.open(message, place) ?? message;
    };
    const answering = this.#answering(announce === undefined);
    return new Output({ nextFrame, now, open, onDrawn: () => this.#drawn(), answering });
  }

  /** Takes the answers to questions in an output; `isCells` if it is not that of an interact. */
  #answering(isCells: boolean): Answering {
    const { plan, clock, onAsked, onEcho } = this.#options;
    return {
      answer: (text) => this.#kernel?.answer(text),
      echo: (text) => {
        const message = printed(text);
        if (isCells) onEcho(message);
        return message;
      },
      focused: () => {
        const { activeElement } = plan.output.getRootNode() as Document | ShadowRoot;
        const isHere = plan.input.contains(activeElement) || plan.output.contains(activeElement);
        return isHere && activeElement instanceof HTMLElement ? activeElement : null;
      },
      onAsked,
      after: (seconds, act) => clock.after(seconds, act),
    };
  }

  /** Puts back what the page has removed, such as the content of `.sagecell_output`. */
  #putBack(): void {
    if (!this.element.isConnected) this.#options.plan.output.append(this.element);
    if (!this.#section.isConnected) this.element.prepend(this.#section);
    const isWhole = [this.#output.element, this.#files.element].every((part) => part.isConnected);
    if (!isWhole) this.#fill();
  }

  #addContainer(): void {
    this.#container = division("sagecell_sessionContainer");
    this.#output = this.#makeOutput();
    this.#files = new FileList((path) => this.#options.server.address(path));
    this.#fill();
  }

  #fill(): void {
    this.#container.append(this.#output.element, this.#files.element);
    this.#files.element.hidden = this.#options.plan.hide.has("sessionFiles");
    this.#section.append(this.#container);
  }

  /** Removes the interacts and comms of `kernel` from this cell. */
  #leavePlace(kernel: Kernel): void {
    if (this.#place === null) return;
    kernel.interacts.removeFrom(this.#place);
    kernel.comms.removeFrom(this.#place);
    this.#place = null;
  }

  #makePlace(kernel: Kernel): Place & CommPlace {
    const { plan } = this.#options;
    const saved = [...plan.interacts];
    const output = this.#output;
    const place: Place & CommPlace = {
      showing: this.#showing(
        (data) => kernel.interacts.element(data) ?? kernel.comms.element(data),
        kernel.widgets.source(() => place),
      ),
      makeOutput: (announce) => this.#makeOutput(announce),
      locate: (selector) => (plan.scripts === "page" ? this.#find(selector) : null),
      // The saved state belongs to the program as the link had it: the first evaluation.
      saved: () => (this.#evaluations === 1 ? (saved.shift() ?? null) : null),
      changed: () => undefined,
      failing: (block, isFailing) => this.#setFailing(block, isFailing),
      files: (names) => this.files(names),
      output: {
        append: (message) => {
          if (this.#place === place) this.append(message);
        },
        flush: () => {
          if (this.#place === place) output.flush();
        },
      },
    };
    return place;
  }

  #setFailing(block: object, isFailing: boolean): void {
    const before = this.#failing.size > 0;
    if (isFailing) this.#failing.add(block);
    else this.#failing.delete(block);
    const after = this.#failing.size > 0;
    if (after !== before) this.#options.onInteractFailed(after);
  }

  #fileAddress(): FileAddress {
    const version = String(this.#evaluations);
    // The kernel's id is known when its first output arrives.
    const fileBase = this.#fileBase();
    return (name) => filesBelow(fileBase(), version)(name);
  }

  /** The address of the files of the kernel that is shown now. */
  #fileBase(): () => string {
    const { server } = this.#options;
    const kernelId = this.#kernelId;
    return () => server.address(filesPath(kernelId()));
  }

  #showing(live: (data: MimeBundle) => HTMLElement | null, widgets: WidgetSource): Showing {
    const { plan, server, clock } = this.#options;
    const version = String(this.#evaluations);
    const [fileBase, fileAddress] = [this.#fileBase(), this.#fileAddress()];
    if (plan.scripts === "none") return harmless({ fileAddress, live });
    const frame: FrameMaker = (events) => {
      const address = server.address("frame.html");
      const files = fileBase();
      return new OutputFrame({ address, files, version, clock, open, widgets }, events);
    };
    if (plan.scripts === "page") return trusted({ fileAddress, live, frame, fileBase });
    return harmless({ fileAddress, live, frame });
  }

  #log(message: KernelMessage): void {
    const line = document.createElement("pre");
    line.textContent = JSON.stringify(message);
    this.#messages.append(line);
    if (this.#messages.childElementCount > KEPT_MESSAGES) this.#messages.firstChild?.remove();
  }

  /** An element of the page or of this cell; null for one in another cell. */
  #find(selector: string): HTMLElement | null {
    const { input, output } = this.#options.plan;
    const [found = null] = select(selector);
    const cell = found?.closest(".sagecell") ?? null;
    return cell === null || cell === input || cell === output ? found : null;
  }
}

/** A link to the server that evaluates. */
function poweredBy(address: string): HTMLElement {
  const link = document.createElement("a");
  link.href = address;
  link.target = "_blank";
  link.rel = "noopener";
  link.textContent = new URL(address).host;
  return division("sagecell_poweredBy", document.createTextNode("Evaluated by "), link);
}

/** The note in place of controls whose program ran in an earlier visit; null for other displays. */
function formerControls(data: MimeBundle): HTMLElement | null {
  if (shownId(data) === "" && widgetIn(data) === "") return null;
  return note("These controls come back when you evaluate the program.");
}

/** Opens an address in a new tab, without an opener or referrer. */
function open(address: string): void {
  window.open(address, "_blank", "noopener,noreferrer");
}
