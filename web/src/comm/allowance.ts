/** Requests to the kernel that may be under way at once. */

/** How many, and their bytes together. */
export interface AllowanceOptions {
  readonly count: number;
  readonly bytes: number;
}

/** Counts what is under way. */
export class Allowance {
  readonly #most: AllowanceOptions;
  #count = 0;
  #bytes = 0;

  constructor(most: AllowanceOptions) {
    this.#most = most;
  }

  /** Counts one more, unless there is no room for it: false then. */
  take(bytes: number): boolean {
    const { count, bytes: most } = this.#most;
    if (this.#count >= count || this.#bytes + bytes > most) return false;
    this.#count += 1;
    this.#bytes += bytes;
    return true;
  }

  /** One is over for which `take` was called with these bytes. */
  give(bytes: number): void {
    this.#count -= 1;
    this.#bytes -= bytes;
  }
}
