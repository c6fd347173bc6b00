/** The server that this page came from, spoken to over HTTP. */

import { guarded } from "../dom/errors";
import { type Permalink, decodeAnswer, kernelIn, permalinkIn, replyIn } from "../protocol/answers";
import type { ClientMessage, JsonObject } from "../protocol/messages";
import { LINES, type QueuePlace, answerOf } from "../protocol/queue";

/** The server said no, or nothing; the text is a sentence for the visitor. */
export class Refusal extends Error {
  /**
   * `status` is HTTP's, 0 for none; `word` is the refusal's name for programs. `retryAfter` is in
   * seconds: null unless too much was asked for, and the server says when to ask again.
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

/** A program as a link keeps it. */
export interface KeptProgram {
  readonly code: string;
  readonly language: string;
  /** JSON: an array with the state of each interact. */
  readonly interacts: string;
}

/** How a kernel is asked for. */
export interface KernelWish {
  /** Seconds that it may be idle: "0" for one execution, "inf" for cells that share it. */
  readonly timeout: string;
  readonly acceptedTerms: boolean;
}

/** A kernel that was handed out. */
export interface KernelAddress {
  readonly id: string;
  /** Where its messages are: a WebSocket's address. */
  readonly channels: string;
}

/** The browser's `fetch`, as far as it is used. */
export type Fetch = (address: string, init?: RequestInit) => Promise<Response>;

export interface ServerOptions {
  readonly fetch: Fetch;
  /** The page's own address, without query. */
  readonly base: string;
  /** Counts the kernels of one visitor, so that a limit can be fair. */
  readonly cellSession: string;
}

/** Kernels that a page may have at a time, until the server has said how many: its default. */
const USUAL = 5;

export class Server {
  readonly #fetch: Fetch;
  readonly #base: string;
  readonly #cellSession: string;
  #kernelsPerPage = USUAL;

  constructor({ fetch, base, cellSession }: ServerOptions) {
    // Called as a bare function: a browser's fetch accepts no other `this` than the window.
    this.#fetch = (input, init) => fetch(input, init);
    this.#base = base;
    this.#cellSession = cellSession;
  }

  /** Kernels that this page may have at a time, as the server said last; 0 is no limit. */
  get kernelsPerPage(): number {
    return this.#kernelsPerPage;
  }

  /**
   * A fresh kernel; without a wish, one that the server ends when its first execution is over.
   *
   * Who has to wait for it is told where it stands; `signal` leaves the queue.
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
    if (!/^[\w-]{36}$/.test(id)) throw new Refusal("The server's answer names no kernel.");
    return { id, channels: this.#channels(id, wsUrl) };
  }

  /** Ends a kernel for good; fulfilled when the server has heard of it, or cannot be reached. */
  async endKernel(id: string): Promise<void> {
    await this.#fetch(this.address(`kernel/${id}`), { method: "DELETE", keepalive: true }).catch(
      () => undefined,
    );
  }

  /** Keeps a program, so that a link can bring it back. */
  async keep(program: KeptProgram): Promise<Permalink> {
    const body = new URLSearchParams({ ...program });
    return permalinkIn(await this.#ask("permalink", { method: "POST", body }));
  }

  /** What is known of names to whoever has no kernel: the content of the reply to a question. */
  async complete(question: ClientMessage): Promise<JsonObject> {
    // As text: JSON would have to be allowed first, by one more request.
    const reply = await this.#ask("complete", { method: "POST", body: JSON.stringify(question) });
    return replyIn(reply);
  }

  /** The terms of use as HTML; null when there are none to accept. */
  async terms(): Promise<string | null> {
    try {
      const response = await this.#fetch(this.address("tos.html"), { method: "POST" });
      return response.status === 200 ? await response.text() : null;
    } catch {
      return null;
    }
  }

  /** An absolute address on this server. */
  address(path: string): string {
    return new URL(path, this.#base).href;
  }

  /**
   * The socket's address: the path that the server named, at the host the page came from.
   *
   * Behind a proxy a server may be wrong about its own host and scheme; the page's are right,
   * and the content security policy admits no other.
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
        guarded("telling a place in the queue", () => onQueued(place)),
      );
    } catch (error) {
      if (error instanceof DOMException && error.name === "AbortError") throw error;
      throw new Refusal("The server cannot be reached.");
    }
    const answer = decodeAnswer(text);
    const refusal = answer?.refusal ?? null;
    // After lines about the queue the status is said, and only the answer itself can refuse.
    if (!response.ok || refusal !== null) {
      const sentence = refusal?.message || `The server refused (${response.status}).`;
      const word = refusal?.reason ?? "";
      const retryAfter = answer?.retryAfter ?? wholeNumber(response, "Retry-After");
      const isTooMany = response.status === 429 || word.startsWith("too_many_");
      throw new Refusal(sentence, response.status, word, isTooMany ? retryAfter : null);
    }
    if (answer === null) throw new Refusal("The server's answer cannot be read.");
    return answer.value;
  }
}

/** A header's number, from 0 up; null where there is none. */
function wholeNumber(response: Response, header: string): number | null {
  const text = response.headers.get(header) ?? "";
  return /^\d{1,6}$/.test(text) ? Number(text) : null;
}
