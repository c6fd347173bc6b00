/** The server's terms of use: asked about once, remembered by the browser. */

import { button, division } from "../dom/elements";
import { sanitise } from "../output/html";

const KEY = "accepted_tos";

export interface TermsOptions {
  /** The terms as HTML; null when there are none. */
  readonly fetch: () => Promise<string | null>;
  readonly storage: () => Pick<Storage, "getItem" | "setItem">;
}

export class Terms {
  readonly #options: TermsOptions;
  #isAccepted: boolean | null = null;
  #asking: Promise<boolean | null> | null = null;

  constructor(options: TermsOptions) {
    this.#options = options;
  }

  get areAccepted(): boolean {
    try {
      return this.#isAccepted ?? this.#options.storage().getItem(KEY) === "true";
    } catch {
      return false; // A browser may forbid storage.
    }
  }

  /** Shows the terms, once for all cells; whether the reader accepts them, null without terms. */
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
      // Then until the page is left.
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
      // The keyboard goes back to where it was, which removing alone would not do.
      dialog.close();
      dialog.remove();
    };
    const text = division("sagecell_terms_text", sanitise(html, () => null).fragment);
    // Where a reader begins: the keys scroll it, and nobody accepts by one Enter too many.
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
