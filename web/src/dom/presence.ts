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
  /** Called each time that one is inserted into the document, and for those that are there. */
  readonly onInserted?: () => void;
}

/** Watches a group of elements until `dispose`. */
export class Presence {
  readonly #options: PresenceOptions;
  readonly #sentinels: readonly HTMLElement[];
  #callOff: () => void = () => undefined;

  constructor(options: PresenceOptions) {
    this.#options = options;
    const { parts, onInserted = () => undefined } = options;
    this.#sentinels = parts.map((part) =>
      part.appendChild(sentinel(() => this.#left(), onInserted)),
    );
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
  onInserted?: () => void;
}

/**
 * A hidden element that calls `onLeave` when it, or an ancestor, is removed from the document, and
 * `onInserted` when it is inserted.
 *
 * A MutationObserver of the document would run for all output of all programs, and does not see
 * into shadow trees.
 */
function sentinel(onLeave: () => void, onInserted: () => void): HTMLElement {
  if (customElements.get(NAME) === undefined) {
    customElements.define(
      NAME,
      class extends HTMLElement {
        connectedCallback(): void {
          (this as Sentinel).onInserted?.();
        }

        disconnectedCallback(): void {
          (this as Sentinel).onLeave?.();
        }
      },
    );
  }
  return Object.assign(document.createElement(NAME), { onLeave, onInserted, hidden: true });
}
