/** The requests of the admin page. */

import { type AdminOverview, decodeOverview } from "../protocol/admin/overview";
import { decodeRefusal } from "../protocol/admin/refusal";

/** A request was refused, or not answered; the message is a sentence for the operator. */
export class AdminFailure extends Error {
  /** `status` is that of the answer, 0 if there was none. */
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** As `fetch`, for paths of this server. */
export type AdminFetch = (path: string, init: RequestInit) => Promise<Response>;

/** Asks the server that the page is from. All methods reject with `AdminFailure`. */
export class AdminServer {
  readonly #fetch: AdminFetch;
  #csrf = "";

  constructor(fetch: AdminFetch) {
    this.#fetch = fetch;
  }

  /** All that the page shows. */
  async overview(): Promise<AdminOverview> {
    const response = await this.#ask("GET", "status.json");
    const overview = decodeOverview(await response.text());
    if (overview === null) throw new AdminFailure(response.status, "The answer is not JSON.");
    this.#csrf = overview.csrf;
    return overview;
  }

  /** Exchanges the token for a cookie. */
  async logIn(token: string): Promise<void> {
    await this.#ask("POST", "login", new URLSearchParams({ token }));
  }

  /** Forgets the cookie. */
  async logOut(): Promise<void> {
    await this.#ask("POST", "logout");
  }

  /** Stops the session of that handle. */
  async stop(handle: string): Promise<void> {
    await this.#ask("POST", `sessions/${encodeURIComponent(handle)}/stop`);
  }

  /** Lets the server admit no more kernels. */
  async drain(): Promise<void> {
    await this.#ask("POST", "drain");
  }

  async #ask(method: string, path: string, body: URLSearchParams | null = null): Promise<Response> {
    const headers = { Accept: "application/json", "X-CSRF-Token": this.#csrf };
    let response: Response;
    try {
      response = await this.#fetch(`/admin/${path}`, { method, headers, body });
    } catch {
      throw new AdminFailure(0, "The server does not answer.");
    }
    if (response.ok) return response;
    const sentence = decodeRefusal(await response.text());
    throw new AdminFailure(response.status, sentence || `The server answered ${response.status}.`);
  }
}
