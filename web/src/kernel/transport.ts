/**
 * A kernel's channel, which outlives its connections.
 *
 *     opening  --> open, or fetching when it fails       a WebSocket
 *     open     --> fetching when it is lost
 *     fetching --> opening, or polling where none opens  what was missed, by a plain request
 *     polling  --> pausing when it fails                 long polls
 *     pausing  --> fetching                              nothing gets through
 *
 * A fetch that fails leads to pausing as well. From each state to ended: by the server's word, by
 * `close`, or when nothing has got through for too long.
 *
 * The server numbers what it says, so nothing is lost and nothing is heard twice, whatever the
 * connection. What was sent and not heard of is sent again by a plain request, whose answer tells.
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

export interface TransportOptions {
  /** Where the kernel's messages are: a WebSocket's address that ends in /channels. */
  readonly address: string;
  readonly events: ChannelEvents;
  readonly openSocket: (address: string) => Socket;
  readonly fetch: Fetch;
  readonly clock: Clock;
  /** From 0 up to 1: pages that have lost the same server do not come back all at once. */
  readonly random: () => number;
}

/** Seconds that a connection is sought before it is given up; the server waits no longer. */
const PATIENCE = 120;

/** Seconds between two attempts at first, and at last; by chance as little as half of them. */
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
  readonly reason: string;

  constructor({ reason, message }: Reason) {
    super(message);
    this.reason = reason;
  }
}

/** There was no answer, or one that says to come back. */
class Unreachable extends Error {}

/** Messages do not get through. */
interface Outage {
  /** The clock's seconds. */
  readonly since: number;
  /** Whether they ever did before. */
  readonly wasOpen: boolean;
}

type State =
  | { readonly name: "opening"; readonly outage: Outage; readonly socket: Socket }
  | { readonly name: "open"; readonly socket: Socket }
  | { readonly name: "fetching"; readonly outage: Outage }
  | { readonly name: "pausing"; readonly outage: Outage; readonly callOff: () => void }
  | { readonly name: "polling" }
  | { readonly name: "ended" };

export class Transport implements Channel {
  readonly #options: TransportOptions;
  readonly #messages: string;
  readonly #aborting = new AbortController();
  #state: State;
  /** The number of the last message that arrived. */
  #after = 0;
  #unacknowledged = 0;
  /** What was sent and not heard of, by id. */
  readonly #unheard = new Map<string, ClientMessage>();
  #isSending = false;
  /** WebSockets in a row that did not open. */
  #failures = 0;
  #pause = PAUSE;

  constructor(options: TransportOptions) {
    this.#options = options;
    this.#messages = options.address.replace(/^ws/, "http").replace(/channels$/, "messages");
    this.#state = this.#opening({ since: options.clock.now(), wasOpen: false });
  }

  send(message: ClientMessage): void {
    this.#unheard.set(message.msg_id, message);
    if (this.#state.name === "open") this.#state.socket.send(JSON.stringify(message));
    else if (this.#state.name === "polling") {
      this.#sendAgain().catch((error: unknown) => {
        if (error instanceof Over) this.#end(error); // else the polls notice, too
      });
    }
  }

  close(): void {
    this.#enter({ name: "ended" });
  }

  #opening(outage: Outage): State {
    const socket = this.#options.openSocket(`${this.#options.address}?after=${this.#after}`);
    socket.onopen = () => this.#opened();
    socket.onmessage = (event) => this.#heardFrom(event.data);
    socket.onclose = (event) => this.#closed(event);
    return { name: "opening", outage, socket };
  }

  #opened(): void {
    if (this.#state.name !== "opening") return;
    const { socket } = this.#state;
    for (const message of this.#unheard.values()) socket.send(JSON.stringify(message));
    this.#enter({ name: "open", socket });
  }

  #closed({ code, reason }: CloseEvent): void {
    const state = this.#state;
    if (state.name !== "opening" && state.name !== "open") return;
    this.#failures = state.name === "open" ? 0 : this.#failures + 1;
    if (FINAL.has(code)) this.#end(decodeCloseReason(reason));
    else void this.#fetchMissed();
  }

  /** Fetches what was missed, and then seeks a connection: a WebSocket, or polls where none opens. */
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

  /** The one that goes on, or one that begins now. */
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

  /** A listener's mistake is none of the connection's. */
  #tell(act: (events: ChannelEvents) => void): void {
    guarded("passing on what a kernel said", () => act(this.#options.events));
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
    const answer = await this.#ask(`?after=${this.#after}&wait=${wait}`);
    for (const message of answer?.messages ?? []) {
      if (this.#isOver) return;
      if (this.#isNew(message)) this.#tell(({ onMessage }) => onMessage(message));
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
    const answer = await this.#ask("", { method: "POST", body });
    for (const [id] of sent) this.#unheard.delete(id);
    const refusal = answer?.refused?.find(({ reason }) => reason !== "duplicate_msg_id");
    if (refusal !== undefined) throw new Over(refusal);
  }

  /** The server's answer, null when it has nothing. Rejects with Unreachable, or with Over for good. */
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
