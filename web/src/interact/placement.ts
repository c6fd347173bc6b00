/** The place of one interact on the page: its controls, when they have been loaded, and its output. */

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

/** What an interact needs of the cell in which it stands. */
export interface Place {
  readonly showing: Showing;
  /** Output for an interact; `announce` is told what is said there before it is shown. */
  readonly makeOutput: (announce: (message: KernelMessage) => void) => Output;
  readonly locate: (selector: string) => HTMLElement | null;
  /** What the next interact was when the link was made, or null. */
  readonly saved: () => JsonObject | null;
  readonly changed: () => void;
  readonly files: (names: readonly string[]) => void;
}

export interface BlockOptions {
  readonly shown: Shown;
  readonly place: Place;
  readonly request: Ask;
  /** Starts the kernel again that was given up; fulfilled when it can be asked. Rejects with KernelGone. */
  readonly wake: () => Promise<void>;
  /** Makes room for an interact within this one. */
  readonly announce: (message: KernelMessage) => void;
  readonly forget: () => void;
  readonly load: () => Promise<Module>;
}

/** Updates whose output would still be known for late. */
const REMEMBERED = 100;

export class InteractBlock {
  readonly element = division("sagecell_interact");
  readonly inner: InteractBlock[] = [];
  readonly #options: BlockOptions;
  readonly #output: Output;
  readonly #saved: JsonObject | null;
  /** Ids of the updates that were asked for, the newest last. */
  readonly #asked: string[] = [];
  readonly #controls = new Pending<Interact | Control>("telling the controls of an interact");
  /** What it is in the kernel; in another one after a rest. */
  #shown: Shown;
  /** Renewed: its program runs anew and has shown it already. */
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
        this.#fail("The controls could not be loaded.");
      },
    );
  }

  isAt(place: Place): boolean {
    return this.#options.place === place;
  }

  /** Whether it can start again from the state of its controls alone. */
  get canRest(): boolean {
    return this.#shown.kind === "interact" && this.inner.length === 0;
  }

  /** Its id in the kernel. */
  get id(): string {
    return this.#shown.id;
  }

  /** The kernel was given up; what is shown stays. */
  rest(): void {
    this.#rest = "resting";
    this.#controls.with((controls) => "rest" in controls && controls.rest());
  }

  /** Whether it is what a program that runs anew has shown: it goes on as that. */
  renew(shown: Shown): boolean {
    if (this.#rest !== "resting" || !haveSameControls(this.#shown, shown)) return false;
    this.#shown = shown;
    this.#rest = "renewed";
    return true;
  }

  /** The program has run anew, and its kernel can be asked. */
  resume(): void {
    const isRenewed = this.#rest === "renewed";
    this.#rest = "none";
    if (!isRenewed) this.end();
  }

  /** A message with output for this interact. */
  append(message: KernelMessage): void {
    // The program runs anew with the values of its beginning: what is shown is newer.
    if (this.#rest !== "none") return;
    // What an update says after a newer one was asked for would overwrite the newer one's output.
    if (this.#asked.slice(0, -1).includes(message.parentId)) return;
    const data = bundleIn(message);
    const clear = data === null ? null : clearIn(data);
    if (clear === null) {
      this.#output.append(message);
      return;
    }
    for (const block of this.inner.splice(0)) block.dispose();
    this.#output.clearBeforeNext();
    this.#controls.with((controls) => "cleared" in controls && controls.cleared(clear.changed));
  }

  /** What the kernel tells its controls. */
  tell(event: InteractEvent): void {
    if (this.#rest !== "none") return;
    this.#controls.with((controls) => controls.handle(event));
  }

  flush(): void {
    this.#output.flush();
  }

  kept(): JsonObject {
    const controls = this.#controls.value;
    return controls !== null && "kept" in controls ? controls.kept() : (this.#saved ?? {});
  }

  /** The kernel is gone: nothing changes for one that rests. */
  end(): void {
    if (this.#rest !== "none") return;
    this.#controls.with((controls) => controls.end());
  }

  dispose(): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
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

  /** Says why there are none; what the interact prints is still shown. */
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
