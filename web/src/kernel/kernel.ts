/**
 * One kernel for one cell's evaluation, or for all cells that are linked.
 *
 * Whoever wants to run a program gets a `Run`: to an Execution it looks like a server and a channel
 * of its own. Runs of linked cells come one after another, in the order in which they asked;
 * what the kernel says goes to the run that it answers, to a request, or to an interact.
 */

import { Comms } from "../comm/registry";
import type { Clock } from "../dom/clock";
import { Interacts } from "../interact/registry";
import { type Ask, KernelGone } from "../protocol/ask";
import { type JsonObject, type KernelMessage, shellRequest, textAt } from "../protocol/messages";
import type { QueuePlace } from "../protocol/queue";
import type { Channel, ChannelEvents, OpenChannel } from "./channel";
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
}

/** One program's way to the kernel; `over` lets the next one go. */
export interface Run {
  readonly server: {
    startKernel: KernelOptions["start"];
    endKernel: KernelOptions["end"];
  };
  readonly openChannel: OpenChannel;
  readonly over: () => void;
}

interface Waiting {
  readonly resolve: (reply: JsonObject) => void;
  readonly reject: (error: Error) => void;
  /** Null until there is one; comms' messages have none. */
  reply: JsonObject | null;
  isIdle: boolean;
}

const LEFT = "The page was left.";

export class Kernel {
  readonly #options: KernelOptions;
  readonly interacts: Interacts;
  readonly comms: Comms;
  #address: KernelAddress | null = null;
  #channel: Channel | null = null;
  #isOpen = false;
  #isEnding = false;
  #running = 0;
  /** Counts how often the page was left: runs that were asked for before do not begin after. */
  #visit = 0;
  #session = "";
  /** The one that may talk now: it hears what answers nobody's request, such as the end. */
  #speaker: ChannelEvents | null = null;
  /** Who hears the answers to each request, by its id. */
  readonly #askers = new Map<string, ChannelEvents>();
  readonly #waiting = new Map<string, Waiting>();
  #turn: Promise<void> = Promise.resolve();

  constructor(options: KernelOptions) {
    this.#options = options;
    const request: Ask = (...asked) => this.request(...asked);
    this.interacts = new Interacts({ request });
    this.comms = new Comms({ request });
  }

  /** Empty while there is none. */
  get id(): string {
    return this.#address?.id ?? "";
  }

  /** Whether it is there to be asked. */
  get isAlive(): boolean {
    return this.#isOpen;
  }

  /** Whether it could answer at once. */
  get isIdle(): boolean {
    return this.#isOpen && this.#running === 0;
  }

  run(): Run {
    const before = this.#turn;
    const visit = this.#visit;
    let over: () => void = () => undefined;
    this.#turn = new Promise((resolve) => (over = resolve));
    return {
      server: {
        startKernel: async (signal, onQueued) => {
          await before;
          signal.throwIfAborted();
          if (visit !== this.#visit) throw new Refusal(LEFT);
          this.#running += 1;
          const address = this.#address ?? (await this.#options.start(signal, onQueued));
          if (visit !== this.#visit) {
            this.#options.end(address.id);
            throw new Refusal(LEFT);
          }
          return (this.#address = address);
        },
        endKernel: (id) => {
          this.#isEnding = true;
          this.#options.end(id);
        },
      },
      openChannel: (address, events) => this.#join(address, events),
      // What waits behind a run that was given up waits for those before it, too.
      over: () => {
        this.#running = 0;
        void before.then(over);
      },
    };
  }

  /** Asks the kernel something; the reply's content, once the kernel is idle again. */
  request(
    type: string,
    content: JsonObject,
    sent: (id: string) => void = () => undefined,
  ): Promise<JsonObject> {
    const { newId, clock } = this.#options;
    return new Promise((resolve, reject) => {
      if (this.#channel === null || !this.#isOpen) {
        reject(new KernelGone());
        return;
      }
      const by = { msgId: newId(), session: this.#session, date: clock.date() };
      sent(by.msgId);
      const reply = type.startsWith("comm_") ? {} : null;
      this.#waiting.set(by.msgId, { resolve, reject, reply, isIdle: false });
      this.#channel.send(shellRequest(type, content, by));
    });
  }

  /** Nobody will ask any more. */
  end(): void {
    if (this.#address !== null) this.#options.end(this.#address.id);
    this.#channel?.close();
    this.#gone();
    this.interacts.remove();
  }

  /** The page is left. A browser may keep it for a way back, but the kernel is not kept for that. */
  leave(): void {
    const speaker = this.#speaker;
    this.#visit += 1;
    if (this.#address !== null) this.#options.end(this.#address.id);
    this.#channel?.close();
    this.#gone();
    speaker?.onEnd({ reason: "left", message: LEFT });
  }

  #join(address: string, events: ChannelEvents): Channel {
    this.#speaker = events;
    if (this.#channel === null) this.#connect(address);
    else if (this.#isOpen) queueMicrotask(() => events.onOpen());
    return {
      send: (message) => {
        this.#askers.set(message.msg_id, events);
        this.#channel?.send(message);
      },
      close: () => this.#leave(),
    };
  }

  #connect(address: string): void {
    this.#session = this.#options.newId();
    const channel = this.#options.openChannel(address, {
      onOpen: () => {
        this.#isOpen = true;
        this.#speaker?.onOpen();
      },
      onMessage: (message) => this.#received(message),
      onConnection: (connection) => this.#speaker?.onConnection(connection),
      onEnd: (end) => {
        if (this.#channel !== channel) return;
        const speaker = this.#speaker;
        this.#gone();
        speaker?.onEnd(end);
      },
    });
    this.#channel = channel;
  }

  /** A program was stopped: its kernel lives on, unless it had to go, too. */
  #leave(): void {
    if (!this.#isEnding) return;
    this.#channel?.close();
    this.#gone();
  }

  #received(message: KernelMessage): void {
    if (this.#answers(message) || this.interacts.take(message)) return;
    if (this.comms.take(message)) return;
    const { parentId } = message;
    const listener = parentId === "" ? this.#speaker : this.#askers.get(parentId);
    listener?.onMessage(message);
    if (message.type !== "status") return;
    const said = textAt(message.content, "execution_state");
    if (said === "idle") this.#flush();
    else if (said === "dead") this.#gone();
  }

  /** Whether the message belongs to a request of ours. */
  #answers({ type, parentId, content }: KernelMessage): boolean {
    const waiting = this.#waiting.get(parentId);
    if (waiting === undefined) return false;
    if (type.endsWith("_reply")) waiting.reply = content;
    else if (type === "status" && textAt(content, "execution_state") === "idle") {
      waiting.isIdle = true;
    } else return false;
    // They come on two sockets of the kernel's, and either may be the first.
    if (waiting.reply === null || !waiting.isIdle) return true;
    this.#waiting.delete(parentId);
    this.#flush();
    waiting.resolve(waiting.reply);
    return true;
  }

  #flush(): void {
    this.interacts.flush();
    this.comms.flush();
  }

  /** The next run gets a kernel of its own. */
  #gone(): void {
    this.#address = null;
    this.#channel = null;
    this.#isOpen = false;
    this.#isEnding = false;
    this.#speaker = null;
    this.#askers.clear();
    for (const { reject } of this.#waiting.values()) reject(new KernelGone());
    this.#waiting.clear();
    this.interacts.end();
    this.comms.end();
    this.#options.onGone?.();
  }
}
