/**
 * Keeps the program of one cell and its output in the browser, for the next visit of the page.
 *
 * A kept program is offered: the reader restores or discards it. Until then, nothing is saved.
 */

import type { Clock } from "../dom/clock";
import { button, division } from "../dom/elements";
import { onHidden } from "../dom/visibility";
import type { KernelMessage, JsonObject } from "../protocol/messages";
import { type KeptProgram, encodeOutput } from "../protocol/kept";
import type { KeptPrograms } from "./programs";

/** What keeping needs. */
export interface KeeperOptions {
  readonly programs: KeptPrograms;
  /** The key of this cell in `programs`. */
  readonly key: string;
  /** The program as the author wrote it. */
  readonly original: string;
  /** Whether the first evaluation is not the reader's. */
  readonly autoeval: boolean;
  readonly clock: Clock;
  /** The program as it is now. */
  readonly program: () => { readonly code: string; readonly language: string };
  /** Called with the program to show: the kept one, or the author's without output. */
  readonly onShow: (program: Omit<KeptProgram, "saved">) => void;
  /** Called when the reader has pressed a button of the offer, which is hidden then. */
  readonly onChosen: () => void;
}

/** Seconds between a change and saving. */
const DELAY = 0.5;

/** Characters of output that are kept. */
const OUTPUT = 200_000;

/** Ends output that was too long to be kept. */
const CUT: JsonObject = {
  msg_type: "stream",
  content: { name: "stderr", text: "\nThe rest of this output was not kept.\n" },
};

/** Keeps one cell's program until `dispose`. */
export class Keeper {
  /** The offer; hidden while there is none. */
  readonly element = division("sagecell_kept");
  readonly #options: KeeperOptions;
  #isOffering = false;
  #isAutomatic: boolean;
  #output: JsonObject[] = [];
  /** Characters of output that are kept, and how many more fit. */
  #limit = 0;
  #room = 0;
  #isToBeCleared = false;
  #kernelId: () => string = () => "";
  /** Where the program is kept as well, unless it is `original`, which the address brings. */
  #also: { readonly key: string; readonly original: string } | null = null;
  #callOff: () => void = () => undefined;
  /** Ends the waiting for the page to be hidden; null while everything is saved. */
  #stopWatching: (() => void) | null = null;

  constructor(options: KeeperOptions) {
    this.#options = options;
    this.#isAutomatic = options.autoeval;
    this.element.setAttribute("role", "group");
    this.element.setAttribute("aria-label", "Your program");
    this.element.hidden = true;
  }

  /** Offers the kept program, if there is one; over an empty program it is shown at once. */
  open(): void {
    const { programs, key, original, onChosen } = this.#options;
    const kept = programs.load(key);
    if (kept === null) return;
    const when = new Date(kept.saved).toLocaleString([], {
      dateStyle: "medium",
      timeStyle: "short",
    });
    const discard = button("Discard", "sagecell_discard", () => {
      this.#discard(kept);
      onChosen();
    });
    if (original === "") {
      this.#restore(kept);
      this.#say(`This is your program of ${when}.`, discard);
    } else {
      this.#isOffering = true;
      const restore = button("Restore", "sagecell_restore", () => {
        this.#restore(kept);
        onChosen();
      });
      this.#say(`Your program of ${when} is kept in this browser.`, restore, discard);
    }
  }

  /** To be called after each change of the program. */
  changed(): void {
    if (this.#isOffering) return;
    this.#watch();
    this.#callOff();
    this.#callOff = this.#options.clock.after(DELAY, () => this.save());
  }

  /**
   * To be called when an evaluation begins; its output is kept if it is the reader's.
   *
   * Running the author's program does not end an offer, which the reader may not have seen.
   */
  began(kernelId: () => string): void {
    const { program, original } = this.#options;
    const isKept = !this.#isAutomatic && !(this.#isOffering && program().code === original);
    this.#clear(isKept ? OUTPUT : 0);
    this.#kernelId = kernelId;
    if (isKept) this.#close();
    this.#isAutomatic = false;
    this.save();
  }

  /**
   * To be called when the page has another address now, which brings the program `original`.
   *
   * `key` is that of this cell there: a reload would find nothing under the other one.
   */
  hasMoved(key: string, original: string): void {
    this.#also = { key, original };
    this.changed();
  }

  /** Takes a message of the evaluation. */
  record(message: KernelMessage): void {
    if (this.#limit === 0 || message.interactId !== "") return;
    if (message.type === "clear_output") {
      if (message.content.wait) this.#isToBeCleared = true;
      else this.#clear(this.#limit);
      return;
    }
    if (this.#room <= 0 && !this.#isToBeCleared) return;
    const output = encodeOutput(message);
    if (output === null) return;
    if (this.#isToBeCleared) this.#clear(this.#limit);
    this.#watch();
    this.#room -= JSON.stringify(output).length;
    this.#output.push(this.#room > 0 ? output : CUT);
  }

  /** Saves now, unless an offer stands; to be called when an evaluation has ended. */
  save(): void {
    if (this.#isOffering) return;
    this.#rest();
    const { programs, key, original, program } = this.#options;
    const { code, language } = program();
    const present = { code, language, kernelId: this.#kernelId() };
    if (code === original && this.#output.length === 0) programs.drop(key);
    else programs.save(key, present, this.#output);
    if (this.#also === null) return;
    if (code === this.#also.original) programs.drop(this.#also.key);
    else programs.save(this.#also.key, present, this.#output);
  }

  /** Removes the offer; a change that has not been saved yet is lost. */
  dispose(): void {
    this.#rest();
    this.element.remove();
  }

  /** Saves as soon as the page is hidden: the browser may drop it without another word. */
  #watch(): void {
    this.#stopWatching ??= onHidden(() => this.save());
  }

  /** Waits no more to save. */
  #rest(): void {
    this.#callOff();
    this.#stopWatching?.();
    this.#stopWatching = null;
  }

  #clear(limit: number): void {
    this.#output = [];
    this.#limit = this.#room = limit;
    this.#isToBeCleared = false;
  }

  #restore(kept: KeptProgram): void {
    this.#close();
    this.#output = kept.output.map(encodeOutput).filter((output) => output !== null);
    this.#kernelId = () => kept.kernelId;
    this.#options.onShow(kept);
  }

  #discard({ language }: KeptProgram): void {
    const { programs, key, original, onShow } = this.#options;
    const isShown = !this.#isOffering;
    this.#close();
    if (isShown) onShow({ code: original, language, kernelId: "", output: [] });
    this.#output = [];
    this.#rest();
    programs.drop(key);
  }

  #say(sentence: string, ...buttons: HTMLButtonElement[]): void {
    const words = document.createElement("p");
    words.textContent = sentence;
    this.element.replaceChildren(words, ...buttons);
    this.element.hidden = false;
  }

  #close(): void {
    this.#isOffering = false;
    this.element.hidden = true;
    this.element.replaceChildren();
  }
}
