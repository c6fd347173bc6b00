/**
 * One kernel, for one evaluation of a cell or for all evaluations of linked cells.
 *
 *     none --> started --> connecting --> open
 *      ^          |             |           |
 *      |          |             +--> ending <
 *      +----------+-------------+-----+-----+
 *
 * "started": the server has assigned a kernel. "ending": the kernel is being ended, because a
 * program did not stop. After each end the state is none again; the next run starts another kernel.
 *
 * Each evaluation gets a `Run`, which looks like a server and a channel of its own to an Execution.
 * Runs of linked cells take turns, in the order of their calls of `run`.
 */

import { Comms } from "../comm/registry";
import { Widgets } from "../comm/widgets";
import type { Clock } from "../dom/clock";
import { Interacts } from "../interact/registry";
import { type Ask, KernelGone } from "../protocol/ask";
import {
  type JsonObject,
  type KernelMessage,
  inputReply,
  shellRequest,
} from "../protocol/messages";
import type { QueuePlace } from "../protocol/queue";
import type { Channel, ChannelEvents, OpenChannel } from "./channel";
import type { EvaluationEvents } from "./evaluations";
import { Requests } from "./requests";
import { Restart } from "./restart";
import { Routing, type Turn } from "./routing";
import { type KernelAddress, Refusal } from "./server";

/** What a kernel needs. */
export interface KernelOptions {
  /** Starts a kernel on the server; see `Server.startKernel`. */
  readonly start: (
    signal: AbortSignal,
    onQueued: (place: QueuePlace) => void,
  ) => Promise<KernelAddress>;
  /** Ends a kernel on the server. */
  readonly end: (id: string) => void;
  readonly openChannel: OpenChannel;
  readonly clock: Clock;
  readonly newId: () => string;
  /** Whether cells share it. */
  readonly isShared: boolean;
  /** Called each time that the state becomes none; the next run may start another kernel. */
  readonly onGone?: () => void;
  /** Called when the kernel is used, and when it may have become idle. */
  readonly onUse?: () => void;
}

/** One evaluation's access to the kernel. */
export interface Run {
  readonly server: {
    startKernel: KernelOptions["start"];
    endKernel: KernelOptions["end"];
  };
  readonly openChannel: OpenChannel;
  /** Calls `events` for what follows the run's end, until the returned function is called. */
  readonly follow: (events: EvaluationEvents) => () => void;
  /** To be called at the end: the next run starts, and this one receives no more messages. */
  readonly over: () => void;
}

/** A kernel with a channel. */
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

/** The sentence for programs that wait when their page is left. */
export const LEFT = "You left the page. Evaluate the cell again.";

/** Why cells that share a kernel have lost their variables. */
const GAVE_WAY =
  "Another cell of this page needed the kernel: the variables are gone. Evaluate the cells above again.";
const STOPPED = "A program did not stop and was ended: the variables are gone.";

function lossAfter(sentence: string): string {
  return `${sentence} The variables are gone.`;
}

/**
 * Seconds without use after which a kernel that cannot be restored ends in favour of others: one that
 * cells share, and one whose program may still produce output.
 */
const REST_OF_SHARED = 1;
const REST_OF_OTHERS = 10;

/** The state of one kernel, its interacts and comms, and the turns of its runs. */
export class Kernel {
  readonly interacts: Interacts;
  readonly comms: Comms;
  readonly widgets: Widgets;
  readonly #options: KernelOptions;
  readonly #requests = new Requests(() => this.#answered());
  readonly #routing: Routing;
  #state: State = { name: "none" };
  #turn: Turn | null = null;
  /** Fulfilled when all runs so far are over. */
  #allRuns: Promise<void> = Promise.resolve();
  /** Counts the calls of `leave`: runs from before one do not start after it. */
  #visit = 0;
  /** The number of runs that are not over. */
  #runs = 0;
  readonly #restart: Restart;

  constructor(options: KernelOptions) {
    this.#options = options;
    const request: Ask = (...asked) => this.request(...asked);
    this.interacts = new Interacts({ request, wake: () => this.#restart.wake() });
    this.comms = new Comms({ request });
    this.widgets = new Widgets({ request });
    this.#restart = new Restart(this.interacts, () => this.comms.isEmpty && this.widgets.isEmpty);
    // Output that a widget captures is its own, even if an interact or comm has caused it.
    const handlers = [this.widgets, this.#requests, this.interacts, this.comms];
    this.#routing = new Routing([this.interacts, this.widgets], handlers);
  }

  /** The server's id; empty while no kernel runs. */
  get id(): string {
    return this.#state.name === "none" ? "" : this.#state.address.id;
  }

  /** Whether requests can be sent. */
  get isAlive(): boolean {
    return this.#state.name === "open";
  }

  /** Whether requests can be sent, and no evaluation has its turn. */
  get isIdle(): boolean {
    return this.isAlive && this.#turn === null;
  }

  /**
   * Seconds without use after which it ends in favour of others on the page; null while at work.
   *
   * 0 if its controls can restore it.
   */
  get restsAfter(): number | null {
    const isAtWork = !this.isIdle || this.#runs > 0 || this.#requests.areOpen;
    // A restart is followed by the request that caused it.
    if (isAtWork || this.#restart.isUnderWay) return null;
    if (this.#restart.isPossible) return 0;
    return this.#options.isShared ? REST_OF_SHARED : REST_OF_OTHERS;
  }

  /** Ends the kernel in favour of others; its controls restart it if they can restore it. */
  giveWay(): void {
    if (this.#restart.isPossible) this.interacts.rest();
    this.#release(GAVE_WAY);
  }

  /**
   * Ends the kernel, which another is to replace.
   *
   * Its controls stay as they are until `end`, or until `keepControls` if there will be no other.
   */
  retire(): void {
    this.#restart.retire();
    this.#release("");
  }

  /** Lets the controls of a retired kernel restart it if they can restore it; others end. */
  keepControls(): void {
    this.#restart.keepControls();
  }

  /** Lets controls restart the kernel by `run`, which runs the program again and rejects with KernelGone. */
  canStartAgain(run: () => Promise<void>): void {
    this.#restart.allow(run);
  }

  /** Queues an evaluation: `startKernel` of the result waits until all earlier runs are over. */
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
      follow: (events) => this.#routing.follow(turn, events),
      over: () => {
        if (this.#turn === turn) this.#turn = null;
        this.#runs -= 1;
        this.#options.onUse?.();
        // A run that never started must not let the next one overtake those before it.
        void before.then(over);
      },
    };
  }

  /**
   * Sends a request on the shell channel; the reply's content, when the kernel is idle again.
   *
   * `sent` is called with the request's id before it is sent. Rejects with KernelGone.
   */
  async request(
    type: string,
    content: JsonObject,
    sent: (id: string) => void = () => undefined,
    buffers: readonly ArrayBuffer[] = [],
  ): Promise<JsonObject> {
    const state = this.#state;
    if (state.name !== "open") throw new KernelGone();
    const { newId, clock } = this.#options;
    const by = { msgId: newId(), session: state.session, date: clock.date() };
    sent(by.msgId);
    const answer = this.#requests.answer(by.msgId, type);
    state.channel.send(shellRequest(type, content, by, buffers));
    this.#options.onUse?.();
    return answer;
  }

  /**
   * Answers what a program asks by `input()`; nothing happens once the kernel has ended.
   *
   * Only the reader could answer it again, so controls cannot restart the kernel any more.
   */
  answer(value: string): void {
    const state = this.#state;
    if (state.name !== "open") return;
    const { newId, clock } = this.#options;
    this.#restart.forbid();
    const by = { msgId: newId(), session: state.session, date: clock.date() };
    state.channel.send(inputReply(value, by));
  }

  /** Ends the kernel and removes its interacts from the page. */
  end(): void {
    this.#release("");
    this.interacts.remove();
  }

  /**
   * Ends the kernel because the page is being hidden or unloaded.
   *
   * A browser may show the page again from its cache: running programs and waiting runs have ended.
   */
  leave(): void {
    const events = this.#turn?.events;
    this.#visit += 1;
    this.#release(LEFT);
    events?.onEnd({ reason: "left", message: LEFT });
  }

  /** The running kernel, or a new one. */
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

  /** Ends the kernel of a run whose program did not stop; later runs start another. */
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
        this.#routing.sends(message, turn, events);
        this.#channel?.send(message);
      },
      // The end of one run closes the shared channel only if the kernel is being ended.
      close: () => {
        if (this.#state.name === "ending") this.#close(this.#state, turn);
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
        this.#gone(lossAfter(end.message || "The connection was lost."));
        events?.onEnd(end);
      },
    });
    this.#enter({ name: "connecting", address: { id, channels }, channel, session });
  }

  #received(message: KernelMessage): void {
    const turn = this.#turn;
    this.#routing.receive(message, turn);
    if (message.type !== "status") return;
    const { state, message: sentence } = message.content;
    if (state === "idle") this.#flush();
    else if (state === "dead") this.#gone(lossAfter(sentence || "The session has ended."), turn);
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

  /** Ends the kernel on the server, if there is one, and closes the channel; `why` as in `#gone`. */
  #release(why: string): void {
    if (this.#state.name !== "none") this.#options.end(this.#state.address.id);
    this.#channel?.close();
    this.#gone(why);
  }

  /** Closes the channel of a kernel that is ending, because the program of `turn` did not stop. */
  #close({ channel }: Connected, turn: Turn | null = null): void {
    channel.close();
    this.#gone(STOPPED, turn);
  }

  /** The kernel has ended: `why` is the sentence for cells other than that of the run in `turn`. */
  #gone(why: string, turn = this.#turn): void {
    this.#enter({ name: "none" });
    this.#routing.end(why, turn);
  }

  #enter(state: State): void {
    this.#state = state;
    if (state.name !== "none") return;
    this.#turn = null;
    this.#requests.end();
    this.interacts.end();
    this.comms.end();
    this.widgets.end();
    this.#options.onGone?.();
  }
}
