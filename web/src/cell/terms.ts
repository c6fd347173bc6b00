/** The server's terms of use: the visitor accepts them once, and the browser remembers it. */

import { button, division } from "../dom/elements";
import { sanitise } from "../output/html";

const KEY = "accepted_tos";

/** Where the terms come from, and where their acceptance is stored. */
export interface TermsOptions {
  /** The terms as HTML; null when the server has none. */
  readonly fetch: () => Promise<string | null>;
  /** Called for each access; may throw where the browser forbids storage. */
  readonly storage: () => Pick<Storage, "getItem" | "setItem">;
}

/** The acceptance of one server's terms, shared by all cells of the page. */
export class Terms {
  readonly #options: TermsOptions;
  #isAccepted: boolean | null = null;
  #asking: Promise<boolean | null> | null = null;

  constructor(options: TermsOptions) {
    this.#options = options;
  }

  /** Whether the visitor has accepted the terms, now or on an earlier visit. */
  get areAccepted(): boolean {
    try {
      return this.#isAccepted ?? this.#options.storage().getItem(KEY) === "true";
    } catch {
      return false; // A browser may forbid storage.
    }
  }

  /**
   * Shows the terms in one dialog for all cells that ask meanwhile.
   *
   * Fulfilled with whether the visitor accepted; with null when the server has no terms.
   */
  ask(): Promise<boolean | null> {
    this.#asking ??= this.#ask().finally(() => (this.#asking = null));
    return this.#asking;
  }

  async #ask(): Promise<boolean | null> {
    const html = await this.#options.fetch();
    if (html === null) return null;
    const isAccepted = await askReader(html);
    if (isAccepted) this.#remember();
    return isAccepted;
  }

  #remember(): void {
    this.#isAccepted = true;
    try {
      this.#options.storage().setItem(KEY, "true");
    } catch {
      // The acceptance then lasts until the page is unloaded.
    }
  }
}

function askReader(html: string): Promise<boolean> {
  return new Promise((resolve) => {
    const dialog = document.createElement("dialog");
    dialog.className = "sagecell sagecell_terms";
    dialog.setAttribute("aria-label", "Terms of use");
    const answer = (isAccepted: boolean) => {
      resolve(isAccepted);
      // `close` restores the keyboard focus; `remove` alone would not.
      dialog.close();
      dialog.remove();
    };
    const text = division("sagecell_terms_text", sanitise(html, null).fragment);
    // Focused first: keys scroll it, and a repeated Enter does not accept by accident.
    text.tabIndex = 0;
    text.setAttribute("role", "document");
    const accept = button("Accept", "sagecell_terms_accept", () => answer(true));
    const decline = button("Decline", "sagecell_terms_decline", () => answer(false));
    dialog.addEventListener("close", () => answer(false));
    dialog.append(text, division("sagecell_bar", accept, decline));
    document.body.append(dialog);
    dialog.showModal();
    text.focus();
  });
}
