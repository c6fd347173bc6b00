/**
 * The admin page: asks for the token when the server does, and shows an overview again and again.
 *
 * The states are "login" and "overview"; each answer of the server enters one of them.
 */

import type { Clock } from "../dom/clock";
import { button } from "../dom/elements";
import { report } from "../dom/errors";
import type { AdminOverview, AdminSession } from "../protocol/admin/overview";
import { duration } from "./figures";
import { AdminFailure, type AdminServer } from "./server";
import { AdminView } from "./view";

/** Seconds from an answer to the next request. */
const PAUSE = 2;

/** What the page needs. `confirm` asks the operator, and returns whether the answer was yes. */
export interface AdminPageOptions {
  readonly document: Document;
  readonly server: AdminServer;
  readonly clock: Clock;
  readonly confirm: (question: string) => boolean;
}

/** The page, from `start` on. */
export class AdminPage {
  readonly #options: AdminPageOptions;
  readonly #view: AdminView;
  readonly #drain: HTMLButtonElement;
  readonly #actions: HTMLElement;
  readonly #ended = new AbortController();
  #cancel: () => void = () => undefined;
  #isAsking = false;

  constructor(options: AdminPageOptions) {
    this.#options = options;
    this.#view = new AdminView((session) => this.#stop(session));
    this.#drain = button("Drain", "admin_button", () => this.#askToDrain());
    this.#actions = this.#element("actions");
    this.#actions.append(
      this.#drain,
      button("Log out", "admin_button", () => void this.#do(() => this.#options.server.logOut())),
    );
    this.#element("overview").append(this.#view.element);
    this.#actions.hidden = true;
  }

  /** Asks for the first overview; an invisible page asks for none until it is seen again. */
  start(): void {
    const { document } = this.#options;
    this.#element("login").addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#logIn();
    });
    const { signal } = this.#ended;
    document.addEventListener("visibilitychange", () => void this.#update(), { signal });
    void this.#update();
  }

  /** Asks for no more overviews. */
  end(): void {
    this.#ended.abort();
    this.#cancel();
  }

  async #update(): Promise<void> {
    this.#cancel();
    if (this.#isAsking || this.#options.document.hidden || this.#ended.signal.aborted) return;
    this.#isAsking = true;
    try {
      this.#show(await this.#options.server.overview());
    } catch (error) {
      if (!this.#fail(error)) return;
    } finally {
      this.#isAsking = false;
    }
    this.#cancel = this.#options.clock.after(PAUSE, () => void this.#update());
  }

  #show(overview: AdminOverview): void {
    this.#element("login").hidden = true;
    this.#element("overview").hidden = this.#actions.hidden = false;
    this.#view.show(overview);
    this.#drain.hidden = !overview.canDrain;
    this.#drain.disabled = overview.draining !== null;
    this.#tell(state(overview));
  }

  /** Shows why a request failed; returns whether another one makes sense. */
  #fail(error: unknown): boolean {
    if (!(error instanceof AdminFailure)) {
      report(error, "showing the overview");
      this.#tell("The page has failed; the browser's console says how. Reload it.");
      return false;
    }
    if (error.status !== 401) {
      this.#tell(error.message);
      return true;
    }
    this.#tell("");
    const login = this.#element("login");
    this.#element("overview").hidden = this.#actions.hidden = true;
    if (login.hidden) {
      login.hidden = false;
      this.#input.focus();
    }
    return false;
  }

  async #logIn(): Promise<void> {
    const refused = this.#element("refused");
    refused.textContent = "";
    try {
      await this.#options.server.logIn(this.#input.value);
    } catch (error) {
      refused.textContent = error instanceof AdminFailure ? error.message : String(error);
      this.#input.focus();
      return;
    }
    this.#input.value = "";
    await this.#update();
  }

  #stop(session: AdminSession): void {
    const { confirm, server } = this.#options;
    const question = `Stop ${session.kernel}, from ${session.from}? Its visitor is told so.`;
    if (confirm(question)) void this.#do(() => server.stop(session.handle));
  }

  #askToDrain(): void {
    const { confirm, server } = this.#options;
    const question = "Admit no more kernels, and end when those that run have ended?";
    if (confirm(question)) void this.#do(() => server.drain());
  }

  /** Asks for a change, and shows what has become of it. */
  async #do(change: () => Promise<void>): Promise<void> {
    try {
      await change();
    } catch (error) {
      this.#fail(error);
      return;
    }
    await this.#update();
  }

  /** A sentence that is read out, if it is another one than before. */
  #tell(sentence: string): void {
    const state = this.#element("state");
    if (state.textContent !== sentence) state.textContent = sentence;
  }

  get #input(): HTMLInputElement {
    return this.#element("token") as HTMLInputElement;
  }

  #element(id: string): HTMLElement {
    const found = this.#options.document.getElementById(id);
    if (found === null) throw new Error(`The page has no element ${id}.`);
    return found;
  }
}

/** What is unusual of a server; empty if nothing is. */
function state({ draining, isStarting }: AdminOverview): string {
  if (draining !== null) {
    return `The server admits no more kernels, and ends in ${duration(draining)} at the latest.`;
  }
  return isStarting ? "The server is loading what kernels need." : "";
}
