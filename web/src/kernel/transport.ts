/**
 * A kernel's socket that outlives its connections.
 *
 *     WebSocket --lost--> what was missed, by a plain request --> WebSocket again
 *                                                             --> or long polls, if it won't open
 *
 * The server numbers what it says, so nothing is lost and nothing is heard twice, whatever the
 * connection. What was sent and not heard of is sent again by a plain request, whose answer tells.
 */

import type { Clock } from "../dom/clock";
import { type JsonObject, isObject, objectAt, parseObject, textAt } from "../protocol/messages";
import type { Socket } from "./execution";

export interface TransportOptions {
  /** Where the kernel's messages are: a WebSocket's address that ends in /channels. */
  readonly address: string;
  readonly openSocket: (address: string) => Socket;
  readonly fetch: typeof fetch;
  readonly clock: Clock;
}

/** Seconds that a connection is sought before it is given up; the server waits no longer. */
const PATIENCE = 120;

/** Seconds between two attempts at first, and at last. */
const PAUSE = 1;
const LONGEST_PAUSE = 8;

/** Seconds that one poll waits: less than the server's limit, and than proxies' patience. */
const WAIT = 25;

/** Times in a row that a WebSocket may fail to open before it is let be. */
const FAILURES = 2;

/** Characters after which the server is told what has arrived, so that it need not keep it. */
const ACKNOWLEDGED = 64 * 1024;

/** The close codes with which the server means it: the end, or a mistake of ours. */
const FINAL: ReadonlySet<number> = new Set([1000, 1003, 1007, 1008, 1009]);

/** The server answered, and there is nothing more to be had. */
class Over extends Error {
  constructor(
    readonly word: string,
    sentence: string,
  ) {
    super(sentence);
  }
}

export class Transport implements Socket {
  onopen: ((event: Event) => void) | null = null;
  onmessage: ((event: MessageEvent) => void) | null = null;
  onclose: ((event: CloseEvent) => void) | null = null;
  onlost: ((isLost: boolean) => void) | null = null;
  readonly #options: TransportOptions;
  readonly #messages: string;
  readonly #aborting = new AbortController();
  #socket: Socket | null = null;
  /** How messages get through now. */
  #way: "none" | "socket" | "polls" = "none";
  #wasOpen = false;
  #isOver = false;
  /** The number of the last message that arrived. */
  #after = 0;
  #unacknowledged = 0;
  /** What was sent and not heard of, by id. */
  readonly #unheard = new Map<string, JsonObject>();
  #isSending = false;
  #failures = 0;
  #lostAt: number | null = null;
  #pause = PAUSE;
  #callOff: () => void = () => undefined;

  constructor(options: TransportOptions) {
    this.#options = options;
    this.#messages = options.address.replace(/^ws/, "http").replace(/channels$/, "messages");
    this.#connect();
  }

  send(text: string): void {
    const message = parseObject(text) ?? {};
    this.#unheard.set(textAt(objectAt(message, "header"), "msg_id"), message);
    if (this.#way === "socket") this.#socket?.send(text);
    else if (this.#way === "polls") {
      this.#sendAgain().catch((error: unknown) => {
        if (error instanceof Over) this.#failed(error); // else the polls notice, too
      });
    }
  }

  close(): void {
    this.#isOver = true;
    this.#callOff();
    this.#aborting.abort();
    this.#socket?.close();
  }

  #connect(): void {
    const socket = this.#options.openSocket(`${this.#options.address}?after=${this.#after}`);
    this.#socket = socket;
    socket.onopen = () => this.#found("socket");
    socket.onmessage = (event) => this.#heardFrom(event);
    socket.onclose = (event) => {
      if (this.#isOver) return;
      this.#socket = null;
      this.#failures = this.#way === "socket" ? 0 : this.#failures + 1;
      if (FINAL.has(event.code)) this.#end(event);
      else void this.#recover();
    };
  }

  /** Messages get through. */
  #found(way: "socket" | "polls"): void {
    const wasLost = this.#wasOpen && this.#lostAt !== null;
    this.#way = way;
    this.#lostAt = null;
    this.#pause = PAUSE;
    if (way === "socket") {
      for (const message of this.#unheard.values()) this.#socket?.send(JSON.stringify(message));
    }
    if (wasLost) this.onlost?.(false);
    if (this.#wasOpen) return;
    this.#wasOpen = true;
    this.onopen?.(new Event("open"));
  }

  async #recover(): Promise<void> {
    this.#way = "none";
    if (this.#lostAt === null) {
      this.#lostAt = this.#options.clock.now();
      if (this.#wasOpen) this.onlost?.(true);
    }
    try {
      await this.#poll(0);
      await this.#sendAgain();
      if (this.#isOver) return;
      if (this.#failures < FAILURES) {
        this.#connect();
        return;
      }
      this.#found("polls");
      while (!this.#isOver) {
        await this.#sendAgain();
        await this.#poll(WAIT);
      }
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    if (this.#isOver) return;
    const { clock } = this.#options;
    if (error instanceof Over) {
      const code = error.word === "session_ended" ? 1000 : 1006;
      this.#end(closing(code, error.message));
    } else if (this.#lostAt !== null && clock.now() - this.#lostAt >= PATIENCE) {
      this.#end(closing(1006, ""));
    } else {
      this.#callOff();
      this.#callOff = clock.after(this.#pause, () => void this.#recover());
      this.#pause = Math.min(2 * this.#pause, LONGEST_PAUSE);
    }
  }

  #end(event: CloseEvent): void {
    this.#isOver = true;
    this.#callOff();
    this.#aborting.abort();
    this.onclose?.(event);
  }

  #heardFrom(event: MessageEvent): void {
    const message = typeof event.data === "string" ? parseObject(event.data) : null;
    if (this.#isOver || !this.#isNew(message)) return;
    this.onmessage?.(event);
    this.#unacknowledged += typeof event.data === "string" ? event.data.length : 0;
    if (this.#unacknowledged < ACKNOWLEDGED || this.#way !== "socket") return;
    this.#unacknowledged = 0;
    this.#socket?.send(JSON.stringify({ after: this.#after }));
  }

  /** Whether a message was not heard yet; what is none, or has no number, passes. */
  #isNew(message: JsonObject | null): boolean {
    const seq = message?.["seq"];
    if (message === null || typeof seq !== "number") return true;
    if (seq <= this.#after) return false;
    this.#after = seq;
    this.#unheard.delete(textAt(objectAt(message, "parent_header"), "msg_id"));
    return true;
  }

  /** Fetches what there is, or comes within so many seconds. */
  async #poll(wait: number): Promise<void> {
    const reply = await this.#ask(`?after=${this.#after}&wait=${wait}`);
    const messages = reply?.["messages"];
    for (const message of Array.isArray(messages) ? messages : []) {
      if (this.#isOver) return;
      if (!isObject(message) || !this.#isNew(message)) continue;
      this.onmessage?.(new MessageEvent("message", { data: JSON.stringify(message) }));
    }
  }

  /** Sends by plain requests what was not heard of; the server knows what it has already. */
  async #sendAgain(): Promise<void> {
    if (this.#isSending) return;
    this.#isSending = true;
    try {
      while (this.#unheard.size > 0 && !this.#isOver) await this.#post([...this.#unheard]);
    } finally {
      this.#isSending = false;
    }
  }

  async #post(sent: [string, JsonObject][]): Promise<void> {
    const body = JSON.stringify(sent.map(([, message]) => message));
    const reply = await this.#ask("", { method: "POST", body });
    for (const [id] of sent) this.#unheard.delete(id);
    const refused = reply?.["refused"];
    for (const refusal of Array.isArray(refused) ? refused : []) {
      if (!isObject(refusal) || textAt(refusal, "error") === "duplicate_msg_id") continue;
      throw new Over(textAt(refusal, "error"), textAt(refusal, "message"));
    }
  }

  /** The server's answer, null when it has nothing; rejects with Over when it never will. */
  async #ask(query: string, init: RequestInit = {}): Promise<JsonObject | null> {
    const { signal } = this.#aborting;
    const response = await this.#options.fetch(this.#messages + query, { ...init, signal });
    if (response.status === 204) return null;
    const reply = parseObject(await response.text());
    if (response.ok || (reply !== null && "refused" in reply)) return reply;
    const isTransient = response.status >= 500 || response.status === 429;
    const sentence = reply === null ? "" : textAt(reply, "message");
    if (isTransient) throw new Error(sentence);
    throw new Over(reply === null ? "" : textAt(reply, "error"), sentence);
  }
}

/** A close as a WebSocket's server would say it. */
function closing(code: number, message: string): CloseEvent {
  return new CloseEvent("close", { code, reason: JSON.stringify({ message }) });
}
