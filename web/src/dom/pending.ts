/** Something that is being loaded, and what is to be done with it meanwhile. */

import { guarded } from "./errors";

type State<T> =
  | { readonly name: "loading"; readonly waiting: ((value: T) => void)[] }
  | { readonly name: "ready"; readonly value: T }
  | { readonly name: "failed" };

export class Pending<T> {
  readonly #context: string;
  #state: State<T> = { name: "loading", waiting: [] };

  /** `context` is for reports: what is done with the value. */
  constructor(context: string) {
    this.#context = context;
  }

  /** Null while there is none. */
  get value(): T | null {
    return this.#state.name === "ready" ? this.#state.value : null;
  }

  /** Calls `act` with the value: at once, or in turn when it comes. What `act` throws is reported. */
  with(act: (value: T) => void): void {
    const state = this.#state;
    if (state.name === "loading") state.waiting.push(act);
    else if (state.name === "ready") guarded(this.#context, () => act(state.value));
  }

  /** It has come. */
  resolve(value: T): void {
    const before = this.#state;
    this.#state = { name: "ready", value };
    if (before.name === "loading") for (const act of before.waiting) this.with(act);
  }

  /** It will not come: nothing waits for it any more. */
  fail(): void {
    this.#state = { name: "failed" };
  }
}
