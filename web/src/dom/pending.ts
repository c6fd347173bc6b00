/** A value that is being loaded, and the calls that wait for it. */

import { guarded } from "./errors";

type State<T> =
  | { readonly name: "loading"; readonly waiting: ((value: T) => void)[] }
  | { readonly name: "ready"; readonly value: T }
  | { readonly name: "failed" };

/** Like a promise, but calls run synchronously once the value has arrived. */
export class Pending<T> {
  readonly #context: string;
  #state: State<T> = { name: "loading", waiting: [] };

  /** `context` is the calls' purpose, for error reports; see `report`. */
  constructor(context: string) {
    this.#context = context;
  }

  /** Null until `resolve`, and after `fail`. */
  get value(): T | null {
    return this.#state.name === "ready" ? this.#state.value : null;
  }

  /**
   * Calls `act` with the value: now, or in order of the calls when it arrives.
   *
   * Never after `fail`. Exceptions of `act` are reported.
   */
  with(act: (value: T) => void): void {
    const state = this.#state;
    if (state.name === "loading") state.waiting.push(act);
    else if (state.name === "ready") guarded(this.#context, () => act(state.value));
  }

  /** Sets the value and runs the calls that wait for it. */
  resolve(value: T): void {
    const before = this.#state;
    this.#state = { name: "ready", value };
    if (before.name === "loading") for (const act of before.waiting) this.with(act);
  }

  /** Drops the calls that wait, and all later ones. */
  fail(): void {
    this.#state = { name: "failed" };
  }
}
