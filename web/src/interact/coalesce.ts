/** Latest wins: one run is under way, at most one more will follow, with what is newest then. */

import { report } from "../dom/errors";
import { KernelGone } from "../protocol/ask";

export interface LatestOptions {
  /** Sends what is newest; fulfilled when the kernel is done with it. */
  readonly run: () => Promise<void>;
  /** The kernel is gone. */
  readonly onLost: () => void;
}

export class Latest {
  readonly #options: LatestOptions;
  #isRunning = false;
  #isWanted = false;
  #isOver = false;

  constructor(options: LatestOptions) {
    this.#options = options;
  }

  /** How many runs the kernel has or will get: at most two. */
  get queued(): number {
    return Number(this.#isRunning) + Number(this.#isWanted);
  }

  /** Asks for a run: now, or after the one under way. Any number of these are one. */
  ask(): void {
    if (this.#isOver) return;
    this.#isWanted = true;
    if (!this.#isRunning) void this.#work();
  }

  /** Asks the kernel nothing any more. */
  end(): void {
    this.#isOver = true;
    this.#isWanted = false;
  }

  async #work(): Promise<void> {
    this.#isRunning = true;
    while (this.#isWanted) {
      this.#isWanted = false;
      await this.#options.run().catch((error: unknown) => this.#failed(error));
    }
    this.#isRunning = false;
  }

  #failed(error: unknown): void {
    if (!(error instanceof KernelGone)) {
      report(error, "updating an interact");
    } else if (!this.#isOver) {
      this.end();
      this.#options.onLost();
    }
  }
}
