/** One interact or single control on the page: its output, and its controls once loaded. */

import { division, note } from "../dom/elements";
import { guarded, report } from "../dom/errors";
import { Pending } from "../dom/pending";
import { typesetText } from "../output/math/typeset";
import type { Output } from "../output/output";
import type { Showing } from "../output/policy";
import type { Ask } from "../protocol/ask";
import { bundleIn } from "../protocol/bundles";
import {
  type InteractEvent,
  type Shown,
  clearIn,
  haveSameControls,
} from "../protocol/interacts/displays";
import type { JsonObject, KernelMessage } from "../protocol/messages";
import { type UpdateReply, newFiles, updateReply } from "../protocol/replies";
import type { Interact, Interacts as Module, Control } from "./api";

/** The cell that contains an interact, as the interact sees it. */
export interface Place {
  readonly showing: Showing;
  /** Creates an output for an interact; `announce` receives each message before it is shown. */
  readonly makeOutput: (announce: (message: KernelMessage) => void) => Output;
  /** See `InteractHost.locate`. */
  readonly locate: (selector: string) => HTMLElement | null;
  /** The saved state for the next interact, or null; each call returns another. */
  readonly saved: () => JsonObject | null;
  /** Called when the state that a permalink would store has changed. */
  readonly changed: () => void;
  /** Called with true when an error is in the output of `block`, with false when it is gone. */
  readonly failing: (block: object, isFailing: boolean) => void;
  /** Called with the names of files that an update has written. */
  readonly files: (names: readonly string[]) => void;
}

/** What a block needs. */
export interface BlockOptions {
  readonly shown: Shown;
  readonly place: Place;
  readonly request: Ask;
  /** Restarts the kernel of a resting block. Fulfilled when it is ready; rejects with KernelGone. */
  readonly wake: () => Promise<void>;
  /** Creates the block for an interact that is nested in this one. */
  readonly announce: (message: KernelMessage) => void;
  /** Called once, by `dispose`. */
  readonly forget: () => void;
  readonly load: () => Promise<Module>;
}

/** Updates that are remembered, so that their late output is recognised. */
const REMEMBERED = 100;

/** An interact or single control, from its announcement to `dispose`. */
export class InteractBlock {
  readonly element = division("sagecell_interact");
  readonly inner: InteractBlock[] = [];
  readonly #options: BlockOptions;
  readonly #output: Output;
  readonly #saved: JsonObject | null;
  /** Message ids of the updates that were requested, the newest last. */
  readonly #asked: string[] = [];
  readonly #controls = new Pending<Interact | Control>("passing a message to an interact");
  /** The display that the kernel knows it by; another one after a rest. */
  #shown: Shown;
  /** Renewed: the restarted program has displayed it again, and has not finished. */
  #rest: "none" | "resting" | "renewed" = "none";
  #isDisposed = false;

  constructor(options: BlockOptions) {
    this.#options = options;
    const { place, shown } = options;
    this.#shown = shown;
    this.#output = place.makeOutput(options.announce);
    this.#output.begin(place.showing);
    this.#saved = shown.kind === "interact" ? place.saved() : null;
    options.load().then(
      (module) => this.#show(module),
      (error: unknown) => {
        report(error, "loading the controls of interacts");
        this.#fail("The controls could not be loaded. Reload the page.");
      },
    );
  }

  /** Whether the block belongs to the cell of `place`. */
  isAt(place: Place): boolean {
    return this.#options.place === place;
  }

  /** Whether the values of its controls are enough to restore it. */
  get canRest(): boolean {
    return this.#shown.kind === "interact" && this.inner.length === 0;
  }

  /** Its id in the kernel. */
  get id(): string {
    return this.#shown.id;
  }

  /** The kernel has ended, and another may replace it: the controls are not told yet. */
  retire(): void {
    this.#rest = "resting";
  }

  /** The kernel has ended until the next change of a control; everything stays on the page. */
  rest(): void {
    this.#rest = "resting";
    this.#controls.with((controls) => "rest" in controls && controls.rest());
  }

  /** Takes the id of `shown`, a display of the restarted program, if the controls are the same. */
  renew(shown: Shown): boolean {
    if (this.#rest !== "resting" || !haveSameControls(this.#shown, shown)) return false;
    this.#shown = shown;
    this.#rest = "renewed";
    return true;
  }

  /** The restarted program has finished: the block is live again, or ends if it was not displayed. */
  resume(): void {
    const isRenewed = this.#rest === "renewed";
    this.#rest = "none";
    if (!isRenewed) this.end();
  }

  /** Whether a message is caused by one of its latest updates. */
  hasAsked({ parentId }: KernelMessage): boolean {
    return this.#asked.includes(parentId);
  }

  /** Takes a message with output for this interact. */
  append(message: KernelMessage): void {
    // The restarted program uses its initial values; what is on the page is newer.
    if (this.#rest !== "none") return;
    // Late output of an older update would overwrite that of the newest.
    if (this.#asked.slice(0, -1).includes(message.parentId)) return;
    const data = bundleIn(message);
    const clear = data === null ? null : clearIn(data);
    if (clear === null) {
      this.#output.append(message);
      if (message.type === "error") this.#options.place.failing(this, true);
      return;
    }
    this.#options.place.failing(this, false);
    for (const block of this.inner.splice(0)) block.dispose();
    this.#output.clearBeforeNext();
    this.#controls.with((controls) => "cleared" in controls && controls.cleared(clear.changed));
  }

  /** Takes an update of a display, which is in its output or elsewhere. */
  update(message: KernelMessage): void {
    if (this.#rest === "none") this.#output.append(message);
  }

  /** Takes an event of the kernel for the controls. */
  tell(event: InteractEvent): void {
    if (this.#rest !== "none") return;
    this.#controls.with((controls) => controls.handle(event));
  }

  /** The kernel is idle: see `OutputSink.flush`. */
  flush(): void {
    this.#output.flush();
  }

  /** The state that a permalink stores; while the controls load, the state to be restored. */
  kept(): JsonObject {
    const controls = this.#controls.value;
    return controls !== null && "kept" in controls ? controls.kept() : (this.#saved ?? {});
  }

  /** The kernel has ended: the controls are disabled, unless the block is resting. */
  end(): void {
    this.#output.endQuestion();
    if (this.#rest !== "none") return;
    this.#controls.with((controls) => controls.end());
  }

  /** Removes the interact and those nested in it from the page. */
  dispose(): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    this.#options.place.failing(this, false);
    this.#options.forget();
    for (const block of this.inner.splice(0)) block.dispose();
    this.#controls.with((controls) => controls.dispose());
    this.#controls.fail();
    this.#output.dispose();
    this.element.remove();
  }

  #show(module: Module): void {
    if (this.#isDisposed) return;
    const { shown } = this.#options;
    const controls = guarded("making the controls of an interact", () =>
      shown.kind === "interact"
        ? module.createInteract(shown.content, this.#interactHost())
        : module.createControl(shown.content, this.#controlHost()),
    );
    if (controls === undefined) {
      this.#fail("The controls could not be shown.");
      return;
    }
    this.element.replaceChildren(controls.element);
    this.#controls.resolve(controls);
    this.#options.place.changed();
  }

  /** Shows a sentence in place of the controls; the interact's output is still shown. */
  #fail(sentence: string): void {
    if (this.#isDisposed) return;
    this.#controls.fail();
    this.element.replaceChildren(note(sentence), this.#output.element);
  }

  #host(): {
    output: HTMLElement;
    html(source: string): HTMLElement;
    typeset(e: HTMLElement): void;
  } {
    return {
      output: this.#output.element,
      html: (source) => this.#html(source),
      typeset: (element) => typesetText(element, this.#options.place.showing.byPage),
    };
  }

  #html(source: string): HTMLElement {
    const shown = guarded("showing a control's HTML", () =>
      this.#options.place.showing.html(source),
    );
    if (shown === undefined) return note("This text could not be shown.");
    return shown ?? document.createElement("div");
  }

  #interactHost() {
    const { shown, place } = this.#options;
    return {
      ...this.#host(),
      id: shown.id,
      saved: this.#saved,
      locate: place.locate,
      changed: place.changed,
      update: async (values: JsonObject, updateLast: boolean): Promise<UpdateReply> => {
        if (this.#rest !== "none") await this.#options.wake();
        const reply = await this.#ask("sagenb.interact.update_interact", {
          interact_id: this.#shown.id,
          values,
          update_last: updateLast,
          user_expressions: { _sagecell_files: "sys._sage_.new_files()" },
        });
        return updateReply(reply);
      },
    };
  }

  #controlHost() {
    return {
      ...this.#host(),
      send: (type: string, content: JsonObject) => this.#ask(type, content),
    };
  }

  async #ask(type: string, content: JsonObject): Promise<JsonObject> {
    const reply = await this.#options.request(type, content, (id) => {
      this.#asked.push(id);
      if (this.#asked.length > REMEMBERED) this.#asked.shift();
    });
    this.#options.place.files(newFiles(reply));
    return reply;
  }
}
