/** Whether parts of a page are still on it, as the browser itself tells. */

import type { Clock } from "./clock";

/** Copies of the script on one page share the element: the first one defines it. */
const NAME = "sagecell-presence";

/** Seconds that a page has to put parts back that it has taken away, as it does to move them. */
const GRACE = 1;

export interface PresenceOptions {
  /** Gone when none of these is in the document. */
  readonly parts: readonly HTMLElement[];
  readonly clock: Clock;
  /** Called each time that they are gone, a second after they were taken away. */
  readonly onGone: () => void;
}

export class Presence {
  readonly #options: PresenceOptions;
  readonly #sentinels: readonly HTMLElement[];
  #callOff: () => void = () => undefined;

  constructor(options: PresenceOptions) {
    this.#options = options;
    this.#sentinels = options.parts.map((part) => part.appendChild(sentinel(() => this.#left())));
  }

  get isOnPage(): boolean {
    return this.#options.parts.some((part) => part.isConnected);
  }

  /** Tells nothing any more. */
  dispose(): void {
    for (const sentinel of this.#sentinels) sentinel.remove(); // which starts the timer
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
 * An element that nobody sees, and that calls `onLeave` when it leaves the document, alone or with
 * what it is in.
 *
 * An observer of the document would be woken by all output of all programs, and does not see into
 * shadow trees.
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
