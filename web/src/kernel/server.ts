/** The server's HTTP interface. */

import { guarded } from "../dom/errors";
import {
  type Permalink,
  decodeAnswer,
  kernelIn,
  languagesIn,
  permalinkIn,
  replyIn,
} from "../protocol/answers";
import type { ClientMessage, JsonObject } from "../protocol/messages";
import { LINES, type QueuePlace, answerOf } from "../protocol/queue";

/** The server refused a request or did not answer; `message` is a sentence for the visitor. */
export class Refusal extends Error {
  /**
   * `status` is the HTTP status, 0 for none; `word` is the server's error code, empty for none.
   * `retryAfter` is in seconds; null unless the server refused too many requests and said when to
   * retry.
   */
  constructor(
    sentence: string,
    readonly status = 0,
    readonly word = "",
    readonly retryAfter: number | null = null,
  ) {
    super(sentence);
  }
}

/** The server is away: it, or the proxy before it, does not answer, or it starts or stops. */
export class Away extends Refusal {}

const UNREACHABLE = "The server cannot be reached.";

/** The HTTP statuses of a proxy whose server does not answer. */
const GATEWAY_ERRORS: readonly number[] = [502, 503, 504];

/** A program as permalinks store it. */
export interface KeptProgram {
  readonly code: string;
  readonly language: string;
  /** JSON: an array with the state of each interact. */
  readonly interacts: string;
}

/** The parameters of a new kernel. */
export interface KernelWish {
  /** Seconds that it may be idle: "0" for one execution, "inf" for cells that share it. */
  readonly timeout: string;
  /** Whether the visitor has accepted the terms of use. */
  readonly acceptedTerms: boolean;
}

/** A kernel that the server has assigned. */
export interface KernelAddress {
  readonly id: string;
  /** The address of the WebSocket for its messages. */
  readonly channels: string;
}

/** The part of the browser's `fetch` that is used. */
export type Fetch = (address: string, init?: RequestInit) => Promise<Response>;

/** Where the server is, and how to send requests. */
export interface ServerOptions {
  readonly fetch: Fetch;
  /** The server's base address, which ends in a slash. */
  readonly base: string;
  /** A random id of the page, by which the server limits the kernels of one visitor. */
  readonly cellSession: string;
}

/** The limit of kernels for a page until the server has reported it: the server's default. */
const USUAL = 5;

/** Sends requests to one server. */
export class Server {
  readonly #fetch: Fetch;
  readonly #base: string;
  readonly #cellSession: string;
  #kernelsPerPage = USUAL;
  #languages: Promise<readonly string[]> | null = null;

  constructor({ fetch, base, cellSession }: ServerOptions) {
    // Called without `this`, because the browser's fetch accepts only the window.
    this.#fetch = (input, init) => fetch(input, init);
    this.#base = base;
    this.#cellSession = cellSession;
  }

  /** Kernels that this page may have at a time, as last reported by the server; 0 for no limit. */
  get kernelsPerPage(): number {
    return this.#kernelsPerPage;
  }

  /**
   * Starts a kernel; by default one that the server ends after its first execution.
   *
   * `onQueued` is called for each change of the place in the server's queue. Rejects with Refusal,
   * or with AbortError when `signal` is aborted, which also leaves the queue.
   */
  async startKernel(
    signal: AbortSignal,
    onQueued: (place: QueuePlace) => void,
    wish: KernelWish = { timeout: "0", acceptedTerms: true },
  ): Promise<KernelAddress> {
    const query = new URLSearchParams({
      CellSessionID: this.#cellSession,
      timeout: wish.timeout,
      accepted_tos: String(wish.acceptedTerms),
    });
    const headers = { Accept: LINES };
    const reply = await this.#ask(`kernel?${query}`, { method: "POST", headers, signal }, onQueued);
    const { id, wsUrl } = kernelIn(reply);
    if (!/^[\w-]{36}$/.test(id)) throw new Refusal("The server's answer contains no id.");
    return { id, channels: this.#channels(id, wsUrl) };
  }

  /** Ends a kernel. Fulfilled when the server has answered or cannot be reached. */
  async endKernel(id: string): Promise<void> {
    await this.#fetch(this.address(`kernel/${id}`), { method: "DELETE", keepalive: true }).catch(
      () => undefined,
    );
  }

  /** Stores a program for a permalink. Rejects with Refusal. */
  async keep(program: KeptProgram): Promise<Permalink> {
    const body = new URLSearchParams({ ...program });
    return permalinkIn(await this.#ask("permalink", { method: "POST", body }));
  }

  /** Keeps the permalink of a run, which would expire; its short forms. Rejects with Refusal. */
  async keepPermalink(id: string): Promise<Permalink> {
    const body = new URLSearchParams({ q: id });
    return permalinkIn(await this.#ask("permalink", { method: "POST", body }));
  }

  /** Sends a request to the server's completer: the reply's content. Rejects with Refusal. */
  async complete(question: ClientMessage): Promise<JsonObject> {
    // As text/plain, because application/json would need a preflight request.
    const reply = await this.#ask("complete", { method: "POST", body: JSON.stringify(question) });
    return replyIn(reply);
  }

  /** The languages that the server can run, asked for once; empty if that is not known. */
  languages(): Promise<readonly string[]> {
    return (this.#languages ??= this.#ask("status.json", {}).then(languagesIn, () => []));
  }

  /** The terms of use as HTML; null when there are none, or on failure. */
  async terms(): Promise<string | null> {
    try {
      const response = await this.#fetch(this.address("tos.html"), { method: "POST" });
      return response.status === 200 ? await response.text() : null;
    } catch {
      return null;
    }
  }

  /** The absolute address of a path on this server. */
  address(path: string): string {
    return new URL(path, this.#base).href;
  }

  /**
   * The WebSocket's address: the path from the server's answer, with the host of `base`.
   *
   * Behind a proxy a server may be wrong about its own host and scheme. Those of `base` are right,
   * and the content security policy allows no others.
   */
  #channels(id: string, named: string): string {
    const url = new URL(this.#base);
    const prefix = URL.canParse(named) ? new URL(named).pathname : url.pathname;
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    url.pathname = `${prefix.replace(/\/*$/, "")}/kernel/${id}/channels`;
    return url.href;
  }

  async #ask(
    path: string,
    init: RequestInit,
    onQueued: (place: QueuePlace) => void = () => undefined,
  ): Promise<JsonObject> {
    let response: Response;
    let text: string;
    try {
      response = await this.#fetch(this.address(path), init);
      this.#kernelsPerPage =
        wholeNumber(response, "Kernels-Per-Cell-Session") ?? this.#kernelsPerPage;
      text = await answerOf(response, (place) =>
        guarded("showing the place in the queue", () => onQueued(place)),
      );
    } catch (error) {
      if (error instanceof DOMException && error.name === "AbortError") throw error;
      throw new Away(UNREACHABLE);
    }
    const answer = decodeAnswer(text);
    const refusal = answer?.refusal ?? null;
    // The status precedes the lines about the queue, so a refusal after them has status 200.
    if (refusal === null && GATEWAY_ERRORS.includes(response.status)) {
      throw new Away(UNREACHABLE, response.status);
    }
    if (!response.ok || refusal !== null) {
      const sentence =
        refusal?.message || `The server refused the request (HTTP ${response.status}).`;
      const word = refusal?.reason ?? "";
      const retryAfter = answer?.retryAfter ?? wholeNumber(response, "Retry-After");
      const isTooMany = response.status === 429 || word.startsWith("too_many_");
      const kind = word === "draining" || word === "loading" ? Away : Refusal;
      throw new kind(sentence, response.status, word, isTooMany ? retryAfter : null);
    }
    if (answer === null) throw new Refusal("The server's answer is malformed.");
    return answer.value;
  }
}

/** The non-negative integer in a header; null if there is none. */
function wholeNumber(response: Response, header: string): number | null {
  const text = response.headers.get(header) ?? "";
  return /^\d{1,6}$/.test(text) ? Number(text) : null;
}
