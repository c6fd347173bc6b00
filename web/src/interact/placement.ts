/** The place of one interact on the page: its controls, when they have been loaded, and its output. */

import { division } from "../dom/elements";
import { newFiles } from "../output/files";
import { typesetText } from "../output/math/typeset";
import type { Output } from "../output/output";
import type { Showing } from "../output/policy";
import type { Ask } from "../protocol/ask";
import { type JsonObject, type KernelMessage, objectAt, textsAt } from "../protocol/messages";
import type { Interact, Interacts as Module, Control } from "./api";

/** What an interact needs of the cell in which it stands. */
export interface Place {
  readonly showing: Showing;
  readonly makeOutput: () => Output;
  readonly locate: (selector: string) => HTMLElement | null;
  /** What the next interact was when the link was made, or null. */
  readonly saved: () => JsonObject | null;
  readonly changed: () => void;
  readonly files: (names: readonly string[]) => void;
}

export interface BlockOptions {
  readonly id: string;
  readonly type: "interact" | "control";
  readonly content: JsonObject;
  readonly place: Place;
  readonly request: Ask;
  /** Makes room for an interact within this one. */
  readonly announce: (message: KernelMessage) => void;
  readonly forget: () => void;
  readonly load: () => Promise<Module>;
}

/** Updates whose output would still be known for late. */
const REMEMBERED = 100;

const CLEAR = "application/sage-clear";

export class InteractBlock {
  readonly element = division("sagecell_interact");
  readonly inner: InteractBlock[] = [];
  readonly #options: BlockOptions;
  readonly #output: Output;
  readonly #saved: JsonObject | null;
  /** Ids of the updates that were asked for, the newest last. */
  readonly #asked: string[] = [];
  #controls: Interact | Control | null = null;
  /** What was said before the controls were there. */
  #early: ((controls: Interact | Control) => void)[] = [];
  #isDisposed = false;

  constructor(options: BlockOptions) {
    this.#options = options;
    const { place, type } = options;
    this.#output = place.makeOutput();
    this.#output.begin(place.showing);
    this.#saved = type === "interact" ? place.saved() : null;
    options
      .load()
      .then((module) => this.#show(module))
      .catch(() => this.element.append("The controls could not be loaded."));
  }

  isAt(place: Place): boolean {
    return this.#options.place === place;
  }

  /** A message with output for this interact. */
  take(message: KernelMessage): void {
    // What an update says after a newer one was asked for would overwrite the newer one's output.
    if (this.#asked.slice(0, -1).includes(message.parentId)) return;
    const data = objectAt(message.content, "data");
    if (!(CLEAR in data)) {
      this.#options.announce(message);
      this.#output.take(message);
      return;
    }
    const { changed } = objectAt(data, CLEAR);
    const names = Array.isArray(changed) ? textsAt(objectAt(data, CLEAR), "changed") : null;
    for (const block of this.inner.splice(0)) block.dispose();
    this.#output.take({ ...message, type: "clear_output", content: { wait: true } });
    this.#tell((controls) => "cleared" in controls && controls.cleared(names));
  }

  /** A message to its controls. */
  told(type: string, content: JsonObject): void {
    this.#tell((controls) => controls.take(type, content));
  }

  flush(): void {
    this.#output.flush();
  }

  kept(): JsonObject {
    const controls = this.#controls;
    return controls !== null && "kept" in controls ? controls.kept() : (this.#saved ?? {});
  }

  end(): void {
    this.#tell((controls) => controls.end());
  }

  dispose(): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    this.#options.forget();
    for (const block of this.inner.splice(0)) block.dispose();
    this.#controls?.dispose();
    this.#output.dispose();
    this.element.remove();
  }

  #tell(act: (controls: Interact | Control) => void): void {
    if (this.#controls === null) this.#early.push(act);
    else act(this.#controls);
  }

  #show(module: Module): void {
    if (this.#isDisposed) return;
    const { content, type } = this.#options;
    this.#controls =
      type === "interact"
        ? module.createInteract(content, this.#interactHost())
        : module.createControl(content, this.#controlHost());
    this.element.replaceChildren(this.#controls.element);
    for (const act of this.#early.splice(0)) act(this.#controls);
    this.#options.place.changed();
  }

  #host(): {
    output: HTMLElement;
    html(source: string): HTMLElement;
    typeset(e: HTMLElement): void;
  } {
    return {
      output: this.#output.element,
      html: (source) => this.#options.place.showing.html(source) ?? document.createElement("div"),
      typeset: (element) => typesetText(element, this.#options.place.showing.byPage),
    };
  }

  #interactHost() {
    const { id, place } = this.#options;
    return {
      ...this.#host(),
      id,
      saved: this.#saved,
      locate: place.locate,
      changed: place.changed,
      update: (values: JsonObject, updateLast: boolean) =>
        this.#ask("sagenb.interact.update_interact", {
          interact_id: id,
          values,
          update_last: updateLast,
          user_expressions: { _sagecell_files: "sys._sage_.new_files()" },
        }),
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
