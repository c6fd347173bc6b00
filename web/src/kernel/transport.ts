/**
 * A kernel's channel over a sequence of connections.
 *
 *     opening  --> open, or fetching when it fails         a WebSocket
 *     open     --> fetching when it is lost
 *     fetching --> opening, or polling if WebSockets fail  one request for the missed messages
 *     polling  --> pausing when it fails                   long polls
 *     pausing  --> fetching                                no connection
 *
 * A fetch that fails leads to pausing as well. Each state leads to ended: when the server says so,
 * by `close`, or when an outage lasts too long.
 *
 * The server numbers its messages, so none is lost or delivered twice, whatever the connection.
 * Messages to the server that are not known to have arrived are sent again by a plain request.
 */

import type { Clock } from "../dom/clock";
import { guarded, report } from "../dom/errors";
import { type MessagesAnswer, decodeCloseReason, decodeMessagesAnswer } from "../protocol/answers";
import { decodeFrame } from "../protocol/decode";
import type { ClientMessage, KernelMessage, Reason } from "../protocol/messages";
import type { Channel, ChannelEvents } from "./channel";
import type { Fetch } from "./server";

/** The part of a browser's WebSocket that is used. */
export interface Socket {
  onopen: ((event: Event) => void) | null;
  onmessage: ((event: MessageEvent) => void) | null;
  onclose: ((event: CloseEvent) => void) | null;
  send(text: string): void;
  close(): void;
}

/** What a transport needs. */
export interface TransportOptions {
  /** The address of the kernel's WebSocket, which ends in /channels. */
  readonly address: string;
  readonly events: ChannelEvents;
  readonly openSocket: (address: string) => Socket;
  readonly fetch: Fetch;
  readonly clock: Clock;
  /** From 0 to 1: spreads the reconnections of pages that have lost the same server. */
  readonly random: () => number;
}

/** Seconds of an outage after which the channel ends; the server waits no longer. */
const PATIENCE = 120;

/** Seconds between attempts, at first and at most; a random half of it is subtracted. */
const PAUSE = 1;
const LONGEST_PAUSE = 8;

/** Seconds that a long poll waits: below the server's limit and the usual timeouts of proxies. */
const WAIT = 25;

/** Asks for the bytes that widgets send beside their messages. */
const BUFFERS = "buffers=base64";

/** Consecutive WebSockets that fail to open, after which long polls are used. */
const FAILURES = 2;

/** Characters after which an acknowledgement lets the server drop what has arrived. */
const ACKNOWLEDGED = 64 * 1024;

/** The close codes after which reconnecting is useless: a normal end, or a protocol error. */
const FINAL: ReadonlySet<number> = new Set([1000, 1003, 1007, 1008, 1009]);

/** The server's answer ends the channel. */
class Over extends Error {
  readonly reason: string;

  constructor({ reason, message }: Reason) {
    super(message);
    this.reason = reason;
  }
}

/** There was no answer, or a temporary error. */
class Unreachable extends Error {}

/** A time without a connection. */
interface Outage {
  /** The clock's seconds. */
  readonly since: number;
  /** Whether there was a connection before. */
  readonly wasOpen: boolean;
}

type State =
  | { readonly name: "opening"; readonly outage: Outage; readonly socket: Socket }
  | { readonly name: "open"; readonly socket: Socket }
  | { readonly name: "fetching"; readonly outage: Outage }
  | { readonly name: "pausing"; readonly outage: Outage; readonly callOff: () => void }
  | { readonly name: "polling" }
  | { readonly name: "ended" };

/** A channel that reconnects; an outage of `PATIENCE` seconds ends it. */
export class Transport implements Channel {
  readonly #options: TransportOptions;
  readonly #messages: string;
  readonly #aborting = new AbortController();
  #state: State;
  /** The number of the last message that arrived. */
  #after = 0;
  #unacknowledged = 0;
  /** Sent messages that are not known to have arrived, by id. */
  readonly #unconfirmed = new Map<string, ClientMessage>();
  #isSending = false;
  /** Consecutive WebSockets that did not open. */
  #failures = 0;
  #pause = PAUSE;

  constructor(options: TransportOptions) {
    this.#options = options;
    this.#messages = options.address.replace(/^ws/, "http").replace(/channels$/, "messages");
    this.#state = this.#opening({ since: options.clock.now(), wasOpen: false });
  }

  send(message: ClientMessage): void {
    this.#unconfirmed.set(message.msg_id, message);
    if (this.#state.name === "open") this.#state.socket.send(JSON.stringify(message));
    else if (this.#state.name === "polling") {
      this.#sendAgain().catch((error: unknown) => {
        if (error instanceof Over) this.#end(error); // The polls notice other failures.
      });
    }
  }

  close(): void {
    this.#enter({ name: "ended" });
  }

  #opening(outage: Outage): State {
    const query = `?after=${this.#after}&${BUFFERS}`;
    const socket = this.#options.openSocket(this.#options.address + query);
    socket.onopen = () => this.#opened();
    socket.onmessage = (event) => this.#heardFrom(event.data);
    socket.onclose = (event) => this.#closed(event);
    return { name: "opening", outage, socket };
  }

  #opened(): void {
    if (this.#state.name !== "opening") return;
    const { socket } = this.#state;
    for (const message of this.#unconfirmed.values()) socket.send(JSON.stringify(message));
    this.#enter({ name: "open", socket });
  }

  #closed({ code, reason }: CloseEvent): void {
    const state = this.#state;
    if (state.name !== "opening" && state.name !== "open") return;
    this.#failures = state.name === "open" ? 0 : this.#failures + 1;
    if (FINAL.has(code)) this.#end(decodeCloseReason(reason));
    else void this.#fetchMissed();
  }

  /** Fetches the missed messages, and then opens a WebSocket, or polls if these fail. */
  async #fetchMissed(): Promise<void> {
    const outage = this.#outage();
    this.#enter({ name: "fetching", outage });
    try {
      await this.#poll(0);
      await this.#sendAgain();
      if (this.#isOver) return;
      if (this.#failures < FAILURES) {
        this.#enter(this.#opening(outage));
        return;
      }
      this.#enter({ name: "polling" });
      while (this.#state.name === "polling") {
        await this.#sendAgain();
        await this.#poll(WAIT);
      }
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    if (this.#isOver) return;
    if (!(error instanceof Over || error instanceof Unreachable)) report(error, "polling");
    const { clock, random } = this.#options;
    const outage = this.#outage();
    if (error instanceof Over) this.#end(error);
    else if (clock.now() - outage.since >= PATIENCE) this.#end({ reason: "", message: "" });
    else {
      const seconds = (this.#pause * (1 + random())) / 2;
      const callOff = clock.after(seconds, () => void this.#fetchMissed());
      this.#pause = Math.min(2 * this.#pause, LONGEST_PAUSE);
      this.#enter({ name: "pausing", outage, callOff });
    }
  }

  /** The current outage, or one that begins now. */
  #outage(): Outage {
    const state = this.#state;
    return "outage" in state ? state.outage : { since: this.#options.clock.now(), wasOpen: true };
  }

  #end({ reason, message }: Reason): void {
    if (this.#isOver) return;
    this.#enter({ name: "ended" });
    this.#tell(({ onEnd }) => onEnd({ reason, message }));
  }

  get #isOver(): boolean {
    return this.#state.name === "ended";
  }

  #enter(state: State): void {
    const before = this.#state;
    this.#state = state;
    if (before.name === "pausing") before.callOff();
    if (state.name === "ended") {
      this.#aborting.abort();
      if ("socket" in before) before.socket.close();
    } else if ("outage" in state) {
      if (!("outage" in before)) this.#tell(({ onConnection }) => onConnection("lost"));
    } else if ("outage" in before) {
      this.#pause = PAUSE;
      if (before.outage.wasOpen) this.#tell(({ onConnection }) => onConnection("restored"));
      else this.#tell(({ onOpen }) => onOpen());
    }
  }

  /** Calls a listener; its exception must not affect the connection. */
  #tell(act: (events: ChannelEvents) => void): void {
    guarded("handling an event of a kernel's channel", () => act(this.#options.events));
  }

  #heardFrom(frame: unknown): void {
    const message = decodeFrame(frame);
    if (this.#isOver || message === null || !this.#isNew(message)) return;
    this.#tell(({ onMessage }) => onMessage(message));
    this.#unacknowledged += typeof frame === "string" ? frame.length : 0;
    if (this.#unacknowledged < ACKNOWLEDGED || this.#state.name !== "open") return;
    this.#unacknowledged = 0;
    this.#state.socket.send(JSON.stringify({ after: this.#after }));
  }

  /** Whether a message arrives for the first time; always true for one without a number. */
  #isNew({ seq, parentId, type }: KernelMessage): boolean {
    if (seq === undefined) return true;
    if (seq <= this.#after) return false;
    this.#after = seq;
    this.#unconfirmed.delete(parentId);
    if (type === "input_request") this.#forgetAnswers();
    return true;
  }

  /** A program that asks again has had the last answer, which no message has as its parent. */
  #forgetAnswers(): void {
    for (const [id, { msg_type: type }] of this.#unconfirmed) {
      if (type === "input_reply") this.#unconfirmed.delete(id);
    }
  }

  /** Fetches new messages; if there are none, waits for them up to `wait` seconds. */
  async #poll(wait: number): Promise<void> {
    const answer = await this.#ask(`?after=${this.#after}&wait=${wait}&${BUFFERS}`);
    for (const message of answer?.messages ?? []) {
      if (this.#isOver) return;
      if (this.#isNew(message)) this.#tell(({ onMessage }) => onMessage(message));
    }
    // The last ones may have been malformed, and would be fetched again without a pause.
    this.#after = Math.max(this.#after, answer?.after ?? 0);
  }

  /** Sends unconfirmed messages by plain requests; the server ignores those that it has. */
  async #sendAgain(): Promise<void> {
    if (this.#isSending) return;
    this.#isSending = true;
    try {
      while (this.#unconfirmed.size > 0 && !this.#isOver) await this.#post([...this.#unconfirmed]);
    } finally {
      this.#isSending = false;
    }
  }

  async #post(sent: [string, ClientMessage][]): Promise<void> {
    const body = JSON.stringify(sent.map(([, message]) => message));
    const answer = await this.#ask("", { method: "POST", body });
    for (const [id] of sent) this.#unconfirmed.delete(id);
    const refusal = answer?.refused?.find(({ reason }) => reason !== "duplicate_msg_id");
    if (refusal !== undefined) throw new Over(refusal);
  }

  /** The server's answer; null when there are no messages. Rejects with Unreachable or Over. */
  async #ask(query: string, init: RequestInit = {}): Promise<MessagesAnswer | null> {
    const { status, text } = await this.#fetchText(query, init);
    if (status === 204) return null;
    const answer = decodeMessagesAnswer(text);
    if (status < 300 || answer.refused !== null) return answer;
    if (status >= 500 || status === 429) throw new Unreachable(answer.refusal.message);
    throw new Over(answer.refusal);
  }

  async #fetchText(query: string, init: RequestInit): Promise<{ status: number; text: string }> {
    const { fetch } = this.#options;
    const { signal } = this.#aborting;
    try {
      const response = await fetch(this.#messages + query, { ...init, signal });
      return { status: response.status, text: await response.text() };
    } catch (error) {
      throw new Unreachable(String(error)); // There is no network, or the channel was closed.
    }
  }
}
