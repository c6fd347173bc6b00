/** The kernels of one cell alone, which it ends: the last one, and those whose controls are still shown. */

import type { Kernel } from "./kernel";

/** The kernels that a cell owns. */
export class OwnKernels {
  readonly #kernels = new Set<Kernel>();

  /** Takes a kernel, to end it later. */
  add(kernel: Kernel): void {
    this.#kernels.add(kernel);
  }

  /** Gives a kernel up without ending it. */
  forget(kernel: Kernel): void {
    this.#kernels.delete(kernel);
  }

  /**
   * Makes way for the next program: if its output replaces all other output, the kernels are retired and
   * returned, to be ended when it runs. Otherwise those that have ended are forgotten.
   */
  makeWay(replacesOutput: boolean): Kernel[] {
    const kernels = [...this.#kernels];
    if (replacesOutput) {
      for (const kernel of kernels) kernel.retire();
      return kernels;
    }
    for (const kernel of kernels) if (kernel.id === "") this.#kernels.delete(kernel);
    return [];
  }

  /** Ends a kernel, and forgets it. */
  end(kernel: Kernel): void {
    kernel.end();
    this.#kernels.delete(kernel);
  }

  /** Ends all of them. */
  endAll(): void {
    for (const kernel of [...this.#kernels]) this.end(kernel);
  }
}
