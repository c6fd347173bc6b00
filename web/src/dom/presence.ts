/** Detects the removal of elements from the document. */

import type { Clock } from "./clock";

/** Copies of the script on one page share this custom element: the first one defines it. */
const NAME = "sagecell-presence";

/** Seconds between removal and `onGone`, because pages move elements by removing them first. */
const GRACE = 1;

/** What is watched, and the callback. */
export interface PresenceOptions {
  /** The elements to watch: gone when none of them is in the document. */
  readonly parts: readonly HTMLElement[];
  readonly clock: Clock;
  /** Called each time that all are gone, a second after a removal. */
  readonly onGone: () => void;
}

/** Watches a group of elements until `dispose`. */
export class Presence {
  readonly #options: PresenceOptions;
  readonly #sentinels: readonly HTMLElement[];
  #callOff: () => void = () => undefined;

  constructor(options: PresenceOptions) {
    this.#options = options;
    this.#sentinels = options.parts.map((part) => part.appendChild(sentinel(() => this.#left())));
  }

  /** Whether at least one of the elements is in the document. */
  get isOnPage(): boolean {
    return this.#options.parts.some((part) => part.isConnected);
  }

  /** Stops watching; `onGone` is not called any more. */
  dispose(): void {
    for (const sentinel of this.#sentinels) sentinel.remove(); // This starts the timer.
    this.#callOff();
  }

  #left(): void {
    const { clock, onGone } = this.#options;
    this.#callOff();
    this.#callOff = clock.after(GRACE, () => {
      if (!this.isOnPage) onGone();
    });
  }
}

interface Sentinel extends HTMLElement {
  onLeave?: () => void;
}

/**
 * A hidden element that calls `onLeave` when it, or an ancestor, is removed from the document.
 *
 * A MutationObserver of the document would run for all output of all programs, and does not see
 * into shadow trees.
 */
function sentinel(onLeave: () => void): HTMLElement {
  if (customElements.get(NAME) === undefined) {
    customElements.define(
      NAME,
      class extends HTMLElement {
        disconnectedCallback(): void {
          (this as Sentinel).onLeave?.();
        }
      },
    );
  }
  return Object.assign(document.createElement(NAME), { onLeave, hidden: true });
}
