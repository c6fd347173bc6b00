/**
 * One kernel for one cell's evaluation, or for all cells that are linked.
 *
 * Whoever wants to run a program gets a `Run`: to an Execution it looks like a server and a socket
 * of its own. Runs of linked cells come one after another, in the order in which they asked;
 * what the kernel says goes to the run that it answers, to a request, or to an interact.
 */

import { Comms } from "../comm/registry";
import type { Clock } from "../dom/clock";
import { Interacts } from "../interact/registry";
import type { Ask } from "../protocol/ask";
import {
  type JsonObject,
  type KernelMessage,
  objectAt,
  parseMessage,
  parseObject,
  shellRequest,
  textAt,
} from "../protocol/messages";
import type { QueuePlace } from "../protocol/queue";
import type { Socket } from "./execution";
import { type KernelAddress, Refusal } from "./server";

export interface KernelOptions {
  /** Asks the server for a kernel. */
  readonly start: (
    signal: AbortSignal,
    onQueued: (place: QueuePlace) => void,
  ) => Promise<KernelAddress>;
  /** Tells the server that a kernel is no longer wanted. */
  readonly end: (id: string) => void;
  readonly openSocket: (address: string) => Socket;
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
  readonly openSocket: (address: string) => Socket;
  readonly over: () => void;
}

interface Waiting {
  readonly resolve: (reply: JsonObject) => void;
  readonly reject: (error: Error) => void;
  /** Null until there is one; comms' messages have none. */
  reply: JsonObject | null;
  isIdle: boolean;
}

const GONE = "The kernel has ended.";
const LEFT = "The page was left.";

export class Kernel {
  readonly #options: KernelOptions;
  readonly interacts: Interacts;
  readonly comms: Comms;
  #address: KernelAddress | null = null;
  #socket: Socket | null = null;
  #isOpen = false;
  #isEnding = false;
  #running = 0;
  /** Counts how often the page was left: runs that were asked for before do not begin after. */
  #visit = 0;
  #session = "";
  /** The one that may talk now: it hears what answers nobody's request, such as the end. */
  #line: Line | null = null;
  readonly #lines = new Map<string, Line>();
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
      openSocket: (address) => this.#join(address),
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
      if (this.#socket === null || !this.#isOpen) {
        reject(new Error(GONE));
        return;
      }
      const by = { msgId: newId(), session: this.#session, date: clock.date() };
      sent(by.msgId);
      const reply = type.startsWith("comm_") ? {} : null;
      this.#waiting.set(by.msgId, { resolve, reject, reply, isIdle: false });
      this.#socket.send(JSON.stringify(shellRequest(type, content, by)));
    });
  }

  /** Nobody will ask any more. */
  end(): void {
    if (this.#address !== null) this.#options.end(this.#address.id);
    this.#socket?.close();
    this.#gone();
    this.interacts.remove();
  }

  /** The page is left. A browser may keep it for a way back, but the kernel is not kept for that. */
  leave(): void {
    const line = this.#line;
    this.#visit += 1;
    if (this.#address !== null) this.#options.end(this.#address.id);
    this.#socket?.close();
    this.#gone();
    line?.onclose?.(new CloseEvent("close", { reason: JSON.stringify({ message: LEFT }) }));
  }

  #join(address: string): Socket {
    const line = new Line({
      send: (text) => this.#send(text, line),
      close: () => this.#leave(),
    });
    this.#line = line;
    if (this.#socket === null) this.#connect(address);
    else if (this.#isOpen) queueMicrotask(() => line.onopen?.(new Event("open")));
    return line;
  }

  #connect(address: string): void {
    this.#session = this.#options.newId();
    const socket = this.#options.openSocket(address);
    this.#socket = socket;
    socket.onopen = (event) => {
      this.#isOpen = true;
      this.#line?.onopen?.(event);
    };
    socket.onmessage = (event) => this.#received(event);
    socket.onlost = (isLost) => this.#line?.onlost?.(isLost);
    socket.onclose = (event) => {
      if (this.#socket !== socket) return;
      const line = this.#line;
      this.#gone();
      line?.onclose?.(event);
    };
  }

  #send(text: string, line: Line): void {
    const id = textAt(objectAt(parseObject(text) ?? {}, "header"), "msg_id");
    this.#lines.set(id, line);
    this.#socket?.send(text);
  }

  /** A program was stopped: its kernel lives on, unless it had to go, too. */
  #leave(): void {
    if (!this.#isEnding) return;
    this.#socket?.close();
    this.#gone();
  }

  #received(event: MessageEvent): void {
    const message = parseMessage(event.data);
    if (message === null) return;
    if (this.#answers(message) || this.interacts.take(message)) return;
    if (this.comms.take(message)) return;
    const line = message.parentId === "" ? this.#line : this.#lines.get(message.parentId);
    line?.onmessage?.(event);
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
    this.#socket = null;
    this.#isOpen = false;
    this.#isEnding = false;
    this.#line = null;
    this.#lines.clear();
    for (const { reject } of this.#waiting.values()) reject(new Error(GONE));
    this.#waiting.clear();
    this.interacts.end();
    this.comms.end();
    this.#options.onGone?.();
  }
}

/** What an Execution takes for its socket. */
class Line implements Socket {
  onopen: ((event: Event) => void) | null = null;
  onmessage: ((event: MessageEvent) => void) | null = null;
  onclose: ((event: CloseEvent) => void) | null = null;
  onlost: ((isLost: boolean) => void) | null = null;
  readonly send: (text: string) => void;
  readonly close: () => void;

  constructor({ send, close }: { send: (text: string) => void; close: () => void }) {
    this.send = send;
    this.close = close;
  }
}
