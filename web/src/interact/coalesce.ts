/** Coalesces requests: while one run is in flight, any number of requests become one more run. */

import { report } from "../dom/errors";
import { KernelGone } from "../protocol/ask";

/** What is run, and the callback for the end. */
export interface LatestOptions {
  /** Sends the values as they are now; fulfilled when the kernel has processed them. */
  readonly run: () => Promise<void>;
  /** Called once when `run` has rejected with KernelGone; never after `end`. */
  readonly onLost: () => void;
}

/** Runs `run` at most once at a time, until `end`. */
export class Latest {
  readonly #options: LatestOptions;
  #isRunning = false;
  #isWanted = false;
  #isOver = false;

  constructor(options: LatestOptions) {
    this.#options = options;
  }

  /** The number of runs in flight or waiting: at most two. */
  get queued(): number {
    return Number(this.#isRunning) + Number(this.#isWanted);
  }

  /** Requests a run: now, or after the one in flight. */
  ask(): void {
    if (this.#isOver) return;
    this.#isWanted = true;
    if (!this.#isRunning) void this.#work();
  }

  /** Starts no more runs. */
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
