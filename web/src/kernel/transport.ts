/**
 * A kernel's channel, which outlives its connections.
 *
 *     WebSocket --lost--> what was missed, by a plain request --> WebSocket again
 *                                                             --> or long polls, if it won't open
 *
 * The server numbers what it says, so nothing is lost and nothing is heard twice, whatever the
 * connection. What was sent and not heard of is sent again by a plain request, whose answer tells.
 */

import type { Clock } from "../dom/clock";
import { guarded } from "../dom/errors";
import {
  type ClientMessage,
  type JsonObject,
  type KernelMessage,
  decodeFrame,
  decodeMessage,
  isObject,
  parseObject,
  textAt,
} from "../protocol/messages";
import type { Channel, ChannelEnd, ChannelEvents } from "./channel";

/** The part of a browser's WebSocket that is used. */
export interface Socket {
  onopen: ((event: Event) => void) | null;
  onmessage: ((event: MessageEvent) => void) | null;
  onclose: ((event: CloseEvent) => void) | null;
  send(text: string): void;
  close(): void;
}

export interface TransportOptions {
  /** Where the kernel's messages are: a WebSocket's address that ends in /channels. */
  readonly address: string;
  readonly events: ChannelEvents;
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
    readonly reason: string,
    sentence: string,
  ) {
    super(sentence);
  }
}

export class Transport implements Channel {
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
  readonly #unheard = new Map<string, ClientMessage>();
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

  send(message: ClientMessage): void {
    this.#unheard.set(message.msg_id, message);
    if (this.#way === "socket") this.#socket?.send(JSON.stringify(message));
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
    socket.onmessage = (event) => this.#heardFrom(event.data);
    socket.onclose = (event) => {
      if (this.#isOver) return;
      this.#socket = null;
      this.#failures = this.#way === "socket" ? 0 : this.#failures + 1;
      if (FINAL.has(event.code)) this.#end(endIn(event.reason));
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
    if (wasLost) this.#tell(({ onConnection }) => onConnection("restored"));
    if (this.#wasOpen) return;
    this.#wasOpen = true;
    this.#tell(({ onOpen }) => onOpen());
  }

  async #recover(): Promise<void> {
    this.#way = "none";
    if (this.#lostAt === null) {
      this.#lostAt = this.#options.clock.now();
      if (this.#wasOpen) this.#tell(({ onConnection }) => onConnection("lost"));
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
      this.#end({ reason: error.reason, message: error.message });
    } else if (this.#lostAt !== null && clock.now() - this.#lostAt >= PATIENCE) {
      this.#end({ reason: "", message: "" });
    } else {
      this.#callOff();
      this.#callOff = clock.after(this.#pause, () => void this.#recover());
      this.#pause = Math.min(2 * this.#pause, LONGEST_PAUSE);
    }
  }

  #end(end: ChannelEnd): void {
    this.#isOver = true;
    this.#callOff();
    this.#aborting.abort();
    this.#tell(({ onEnd }) => onEnd(end));
  }

  /** A listener's mistake is none of the connection's. */
  #tell(act: (events: ChannelEvents) => void): void {
    guarded("listening to a kernel", () => act(this.#options.events));
  }

  #heardFrom(frame: unknown): void {
    const message = decodeFrame(frame);
    if (this.#isOver || message === null || !this.#isNew(message)) return;
    this.#tell(({ onMessage }) => onMessage(message));
    this.#unacknowledged += typeof frame === "string" ? frame.length : 0;
    if (this.#unacknowledged < ACKNOWLEDGED || this.#way !== "socket") return;
    this.#unacknowledged = 0;
    this.#socket?.send(JSON.stringify({ after: this.#after }));
  }

  /** Whether a message was not heard yet; one without a number passes. */
  #isNew({ seq, parentId }: KernelMessage): boolean {
    if (seq === undefined) return true;
    if (seq <= this.#after) return false;
    this.#after = seq;
    this.#unheard.delete(parentId);
    return true;
  }

  /** Fetches what there is, or comes within so many seconds. */
  async #poll(wait: number): Promise<void> {
    const reply = await this.#ask(`?after=${this.#after}&wait=${wait}`);
    const messages = reply?.["messages"];
    for (const value of Array.isArray(messages) ? messages : []) {
      if (this.#isOver) return;
      const message = decodeMessage(value);
      if (message === null || !this.#isNew(message)) continue;
      this.#tell(({ onMessage }) => onMessage(message));
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

  async #post(sent: [string, ClientMessage][]): Promise<void> {
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

/** What the reason of a WebSocket's close says: JSON with `error` and `message`, or nothing. */
function endIn(text: string): ChannelEnd {
  const told = parseObject(text) ?? {};
  return { reason: textAt(told, "error"), message: textAt(told, "message") };
}
