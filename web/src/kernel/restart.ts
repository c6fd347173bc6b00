/**
 * The restart of a kernel by its controls.
 *
 * A kernel that gave way to others, or that no other has replaced in the end, is restarted when the reader
 * moves one of its controls: the program runs again, with the values that the controls have.
 */

import type { Interacts } from "../interact/registry";
import { KernelGone } from "../protocol/ask";

/** Whether and how one kernel can be restarted by its controls. */
export class Restart {
  readonly #interacts: Interacts;
  readonly #hasOnlyInteracts: () => boolean;
  #run: (() => Promise<void>) | null = null;
  #running: Promise<void> | null = null;
  /** Whether it was possible when the kernel was retired. */
  #wasPossible = false;

  /** `hasOnlyInteracts` tells whether nothing else on the page needs the kernel: no comm and no widget. */
  constructor(interacts: Interacts, hasOnlyInteracts: () => boolean) {
    this.#interacts = interacts;
    this.#hasOnlyInteracts = hasOnlyInteracts;
  }

  /** Whether a restart would restore everything that the page shows of the kernel. */
  get isPossible(): boolean {
    return this.#run !== null && this.#interacts.canRest && this.#hasOnlyInteracts();
  }

  /** Whether the program is running again. */
  get isUnderWay(): boolean {
    return this.#running !== null;
  }

  /** Lets controls restart the kernel by `run`, which runs the program again and rejects with KernelGone. */
  allow(run: () => Promise<void>): void {
    this.#run = run;
  }

  /** Lets no control restart the kernel any more. */
  forbid(): void {
    this.#run = null;
  }

  /** The kernel is to be replaced by another: its controls stay as they are until it is known whether it is. */
  retire(): void {
    this.#wasPossible = this.isPossible;
    this.#interacts.retire();
  }

  /** No other has replaced it: its controls may restart it if that was possible; others end. */
  keepControls(): void {
    if (this.#wasPossible) this.#interacts.rest();
    else this.#interacts.resume();
  }

  /** Runs the program again, for all controls that ask meanwhile. Rejects with KernelGone. */
  wake(): Promise<void> {
    this.#running ??= this.#again().finally(() => (this.#running = null));
    return this.#running;
  }

  async #again(): Promise<void> {
    if (this.#run === null) throw new KernelGone();
    try {
      await this.#run();
      this.#interacts.resume();
    } catch (error) {
      this.#interacts.rest();
      throw error;
    }
  }
}
