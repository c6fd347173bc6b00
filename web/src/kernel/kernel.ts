/**
 * One kernel for one cell's evaluation, or for all cells that are linked.
 *
 *     none --> started --> connecting --> open
 *      ^          |             |           |
 *      |          |             +--> ending <
 *      +----------+-------------+-----+-----+
 *
 * Started: the server has handed one out. Ending: it has to go with a program that did not stop.
 * Each end leads back to none, and the next run gets another kernel.
 *
 * Whoever wants to run a program gets a `Run`: to an Execution it looks like a server and a channel
 * of its own. Runs of linked cells come one after another, in the order in which they asked;
 * what the kernel says goes to the run that it answers, to a request, or to an interact.
 */

import { Comms } from "../comm/registry";
import type { Clock } from "../dom/clock";
import { Interacts } from "../interact/registry";
import { type Ask, KernelGone } from "../protocol/ask";
import { type JsonObject, type KernelMessage, shellRequest } from "../protocol/messages";
import type { QueuePlace } from "../protocol/queue";
import { type MessageHandler, route } from "../protocol/router";
import type { Channel, ChannelEvents, OpenChannel } from "./channel";
import { Requests } from "./requests";
import { type KernelAddress, Refusal } from "./server";

export interface KernelOptions {
  /** Asks the server for a kernel. */
  readonly start: (
    signal: AbortSignal,
    onQueued: (place: QueuePlace) => void,
  ) => Promise<KernelAddress>;
  /** Tells the server that a kernel is no longer wanted. */
  readonly end: (id: string) => void;
  readonly openChannel: OpenChannel;
  readonly clock: Clock;
  readonly newId: () => string;
  /** Told that there is none any more; the next run may start one again. */
  readonly onGone?: () => void;
  /** Told when it is used, and when it may have nothing to do. */
  readonly onUse?: () => void;
}

/** One program's way to the kernel; `over` lets the next one go, and nothing more is heard. */
export interface Run {
  readonly server: {
    startKernel: KernelOptions["start"];
    endKernel: KernelOptions["end"];
  };
  readonly openChannel: OpenChannel;
  readonly over: () => void;
}

/** A kernel to which there is a channel. */
interface Connected {
  readonly name: "connecting" | "open" | "ending";
  readonly address: KernelAddress;
  readonly channel: Channel;
  /** The session in the headers of requests. */
  readonly session: string;
}

type State =
  | { readonly name: "none" }
  | { readonly name: "started"; readonly address: KernelAddress }
  | Connected;

/** The run whose turn it is. */
interface Turn {
  /** Null until it has a channel. */
  events: ChannelEvents | null;
  /** Ids of its requests: it hears the answers to them. */
  readonly requests: Set<string>;
}

/** What a program that waits is told when its page is left. */
export const LEFT = "The page was left.";

/**
 * Seconds without use before a kernel that may not start again by itself gives way to others: one
 * that cells share, and one whose program may still say something.
 */
const REST_OF_SHARED = 1;
const REST_OF_OTHERS = 10;

export class Kernel {
  readonly interacts: Interacts;
  readonly comms: Comms;
  readonly #options: KernelOptions;
  readonly #requests = new Requests(() => this.#answered());
  readonly #handlers: readonly MessageHandler[];
  #state: State = { name: "none" };
  #turn: Turn | null = null;
  /** Settled when all runs that were asked for are over. */
  #allRuns: Promise<void> = Promise.resolve();
  /** Counts how often the page was left: runs that were asked for before do not begin after. */
  #visit = 0;
  /** Runs that were asked for and are not over. */
  #runs = 0;
  #wakes: (() => Promise<void>) | null = null;
  #waking: Promise<void> | null = null;
  /** Cells that lose their variables with it. */
  readonly #losers = new Set<() => void>();

  constructor(options: KernelOptions) {
    this.#options = options;
    const request: Ask = (...asked) => this.request(...asked);
    this.interacts = new Interacts({ request, wake: () => this.#wake() });
    this.comms = new Comms({ request });
    this.#handlers = [this.#requests, this.interacts, this.comms];
  }

  /** Empty while there is none. */
  get id(): string {
    return this.#state.name === "none" ? "" : this.#state.address.id;
  }

  /** Whether it is there to be asked. */
  get isAlive(): boolean {
    return this.#state.name === "open";
  }

  /** Whether it could answer at once. */
  get isIdle(): boolean {
    return this.isAlive && this.#turn === null;
  }

  /**
   * Seconds without use after which it gives way to others of the page; null while it is at work.
   *
   * None where its program shows nothing but controls: these bring it back.
   */
  get restsAfter(): number | null {
    const isAtWork = !this.isIdle || this.#runs > 0 || this.#requests.areOpen;
    // Who has it started again will ask it something in a moment.
    if (isAtWork || this.#waking !== null) return null;
    if (this.#canWake) return 0;
    return this.#losers.size > 0 ? REST_OF_SHARED : REST_OF_OTHERS;
  }

  /** Gives way to others of the page: it ends, and starts again at the next use of its controls. */
  giveWay(): void {
    const losers = [...this.#losers];
    if (this.#canWake) this.interacts.rest();
    this.#letGo();
    for (const tell of losers) tell();
  }

  /** Has `wake` run the program anew at the next use of its controls, should it have given way. */
  canStartAgain(wake: () => Promise<void>): void {
    this.#wakes = wake;
  }

  /** Calls `tell` if it gives way: with the kernel go the variables that cells share. */
  tellOfLoss(tell: () => void): void {
    this.#losers.add(tell);
  }

  run(): Run {
    const turn: Turn = { events: null, requests: new Set() };
    const visit = this.#visit;
    const before = this.#allRuns;
    let over: () => void = () => undefined;
    this.#runs += 1;
    this.#allRuns = new Promise((resolve) => (over = resolve));
    return {
      server: {
        startKernel: async (signal, onQueued) => {
          await before;
          signal.throwIfAborted();
          if (visit !== this.#visit) throw new Refusal(LEFT);
          this.#turn = turn;
          return this.#start(signal, onQueued, visit);
        },
        endKernel: (id) => this.#endFor(id),
      },
      openChannel: (address, events) => this.#join(address, turn, events),
      over: () => {
        if (this.#turn === turn) this.#turn = null;
        this.#runs -= 1;
        this.#options.onUse?.();
        // What waits behind a run that was given up waits for those before it, too.
        void before.then(over);
      },
    };
  }

  /**
   * Asks the kernel something; the reply's content, once the kernel is idle again.
   *
   * `sent` is told the request's id. Rejects with KernelGone.
   */
  async request(
    type: string,
    content: JsonObject,
    sent: (id: string) => void = () => undefined,
  ): Promise<JsonObject> {
    const state = this.#state;
    if (state.name !== "open") throw new KernelGone();
    const { newId, clock } = this.#options;
    const by = { msgId: newId(), session: state.session, date: clock.date() };
    sent(by.msgId);
    const answer = this.#requests.answer(by.msgId, type);
    state.channel.send(shellRequest(type, content, by));
    this.#options.onUse?.();
    return answer;
  }

  /** Nobody will ask any more. */
  end(): void {
    this.#letGo();
    this.interacts.remove();
  }

  /** The page is left. A browser may keep it for a way back, but the kernel is not kept for that. */
  leave(): void {
    const events = this.#turn?.events;
    this.#visit += 1;
    this.#letGo();
    events?.onEnd({ reason: "left", message: LEFT });
  }

  /** The kernel that is there, or a new one. */
  async #start(
    signal: AbortSignal,
    onQueued: (place: QueuePlace) => void,
    visit: number,
  ): Promise<KernelAddress> {
    if (this.#state.name === "ending") this.#close(this.#state);
    if (this.#state.name !== "none") return this.#state.address;
    const address = await this.#options.start(signal, onQueued);
    if (visit !== this.#visit) {
      this.#options.end(address.id);
      throw new Refusal(LEFT);
    }
    this.#enter({ name: "started", address });
    return address;
  }

  /** A run's program did not stop: the kernel has to go, and is not used for another. */
  #endFor(id: string): void {
    this.#options.end(id);
    if (this.id !== id) return;
    if (this.#state.name === "started") this.#enter({ name: "none" });
    else if (this.#state.name !== "none") this.#enter({ ...this.#state, name: "ending" });
  }

  #join(channels: string, turn: Turn, events: ChannelEvents): Channel {
    turn.events = events;
    this.#turn = turn;
    if (this.#state.name === "open") queueMicrotask(() => events.onOpen());
    else if (this.#state.name !== "connecting") this.#connect(channels);
    return {
      send: (message) => {
        turn.requests.add(message.msg_id);
        this.#channel?.send(message);
      },
      // A program was stopped: its kernel lives on, unless it has to go, too.
      close: () => {
        if (this.#state.name === "ending") this.#close(this.#state);
      },
    };
  }

  #connect(channels: string): void {
    const id = this.id;
    const session = this.#options.newId();
    const channel = this.#options.openChannel(channels, {
      onOpen: () => {
        if (this.#state.name === "connecting") this.#enter({ ...this.#state, name: "open" });
        this.#turn?.events?.onOpen();
      },
      onMessage: (message) => this.#received(message),
      onConnection: (connection) => this.#turn?.events?.onConnection(connection),
      onEnd: (end) => {
        if (this.#channel !== channel) return;
        const events = this.#turn?.events;
        this.#enter({ name: "none" });
        events?.onEnd(end);
      },
    });
    this.#enter({ name: "connecting", address: { id, channels }, channel, session });
  }

  #received(message: KernelMessage): void {
    if (route(message, this.#handlers)) return;
    const { type, parentId, content } = message;
    const turn = this.#turn;
    if (parentId === "" || turn?.requests.has(parentId)) turn?.events?.onMessage(message);
    if (type !== "status") return;
    if (content.state === "idle") this.#flush();
    else if (content.state === "dead") this.#enter({ name: "none" });
  }

  get #canWake(): boolean {
    return this.#wakes !== null && this.interacts.canRest && this.comms.isEmpty;
  }

  #wake(): Promise<void> {
    this.#waking ??= this.#startAgain().finally(() => (this.#waking = null));
    return this.#waking;
  }

  async #startAgain(): Promise<void> {
    if (this.#wakes === null) throw new KernelGone();
    try {
      await this.#wakes();
      this.interacts.resume();
    } catch (error) {
      this.interacts.rest();
      throw error;
    }
  }

  #answered(): void {
    this.#flush();
    this.#options.onUse?.();
  }

  #flush(): void {
    this.interacts.flush();
    this.comms.flush();
  }

  get #channel(): Channel | null {
    return "channel" in this.#state ? this.#state.channel : null;
  }

  /** Tells the server that the kernel is not wanted, where there is one. */
  #letGo(): void {
    if (this.#state.name !== "none") this.#options.end(this.#state.address.id);
    this.#channel?.close();
    this.#enter({ name: "none" });
  }

  #close({ channel }: Connected): void {
    channel.close();
    this.#enter({ name: "none" });
  }

  #enter(state: State): void {
    this.#state = state;
    if (state.name !== "none") return;
    this.#turn = null;
    this.#losers.clear();
    this.#requests.end();
    this.interacts.end();
    this.comms.end();
    this.#options.onGone?.();
  }
}
