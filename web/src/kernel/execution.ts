/**
 * The execution of one program on one kernel, from Evaluate to its end.
 *
 *     starting --> running --> done | failed      running <--> reconnecting
 *       ^  |          |
 *       |  +----------+--> stopping --> stopped
 *       v  |          |
 *  waiting |          |
 *  or away |          |
 *       |  |          |
 *       v  v          v
 *      refused      ended | lost
 *
 * "waiting" is the server's queue for a kernel; in "away" the server cannot be reached and is asked
 * again. Stop leaves both at once. "reconnecting" leads back to running, or to lost.
 *
 * Messages that arrive after the end change nothing here; `Evaluations` has the program's late output.
 */

import type { Clock } from "../dom/clock";
import { guarded, report } from "../dom/errors";
import {
  type Authorship,
  type ClientMessage,
  type ExecuteReply,
  type KernelMessage,
  type MessageOf,
  type PermalinkWish,
  type Reason,
  executeRequest,
  interruptRequest,
} from "../protocol/messages";
import type { QueuePlace } from "../protocol/queue";
import type { Channel, OpenChannel } from "./channel";
import { Away, Refusal, type KernelAddress } from "./server";

/** A state of an execution. `since` is the clock's time at the start, `seconds` the duration. */
export type State =
  | { readonly name: "starting" }
  | ({ readonly name: "waiting" } & QueuePlace)
  | { readonly name: "away"; readonly message: string }
  | { readonly name: "running"; readonly since: number }
  | { readonly name: "reconnecting" }
  | { readonly name: "stopping" }
  | { readonly name: "done"; readonly seconds: number }
  | {
      readonly name: "failed";
      readonly seconds: number;
      /** See `ExecuteReply`. */
      readonly exitStatus: number | null;
      /** See `ExecuteReply`. */
      readonly fault: string;
    }
  | { readonly name: "stopped"; readonly seconds: number }
  | { readonly name: "ended"; readonly reason: string; readonly message: string }
  | { readonly name: "refused"; readonly message: string }
  | { readonly name: "lost"; readonly message: string };

const LIVE: ReadonlySet<string> = new Set([
  "starting",
  "waiting",
  "away",
  "running",
  "reconnecting",
  "stopping",
]);

/** Whether the execution is not over yet. */
export function isLive(state: State): boolean {
  return LIVE.has(state.name);
}

/** What an execution needs. */
export interface ExecutionOptions {
  /** The program as the kernel runs it. */
  readonly code: string;
  /** The language of the program: see `executeRequest`. */
  readonly language: string;
  /** Asks the server to store the program; null stores nothing. */
  readonly permalink: PermalinkWish | null;
  /** Whether it waits for the program's threads and child processes: see `executeRequest`. */
  readonly waits: boolean;
  /** Whether the program may ask by `input()`: somebody sees its questions. */
  readonly answers: boolean;
  readonly server: {
    /** See `Server.startKernel`. */
    startKernel(signal: AbortSignal, onQueued: (place: QueuePlace) => void): Promise<KernelAddress>;
    /** See `Server.endKernel`. */
    endKernel(id: string): void;
  };
  readonly openChannel: OpenChannel;
  readonly clock: Clock;
  readonly newId: () => string;
  /** Called for each message until the end, in order, except statuses and warnings. */
  readonly onMessage: (message: KernelMessage) => void;
  /** Called for each state, also the first, which `start` enters. */
  readonly onState: (state: State) => void;
  /** Called with the id of the program's permalink, if it asks for one; empty: it has none. */
  readonly onPermalink: (id: string) => void;
  /** Called with the server's warning that the kernel will end soon; empty when it is withdrawn. */
  readonly onWarning: (sentence: string) => void;
}

/**
 * Seconds for the server to stop a program. In this time it interrupts, signals, and ends the kernel
 * by itself; only a server that did not is asked to end the kernel.
 */
const PATIENCE = 15;

/** Seconds for the end of a kernel after the request for it. */
const LAST_PATIENCE = 5;

/** Seconds before each further request to a server that is away. */
const RETRIES: readonly number[] = [1, 2, 4, 8, 15, 30, 30, 30, 30];

/** One execution; `start` is called once. */
export class Execution {
  readonly #options: ExecutionOptions;
  readonly #aborting = new AbortController();
  #state: State = { name: "starting" };
  #kernel: KernelAddress | null = null;
  #channel: Channel | null = null;
  #session = "";
  #requestId = "";
  #begun: number;
  /** The status of the execute_reply; empty until it arrives. */
  #reply: "" | "ok" | "error" = "";
  /** What the reply says of a failure. */
  #failure: Pick<ExecuteReply, "exitStatus" | "fault"> = { exitStatus: null, fault: "" };
  #stops = 0;
  #retries = 0;
  #warnedOf = "";
  #callOff: () => void = () => undefined;

  constructor(options: ExecutionOptions) {
    this.#options = options;
    this.#begun = options.clock.now();
  }

  /** The current state. */
  get state(): State {
    return this.#state;
  }

  /** The kernel's id; empty until the server has assigned one. */
  get kernelId(): string {
    return this.#kernel?.id ?? "";
  }

  /** Requests a kernel and connects to it. The promise never rejects: failures are states. */
  async start(): Promise<void> {
    this.#enter(this.#state);
    await this.#requestKernel();
  }

  async #requestKernel(): Promise<void> {
    try {
      const kernel = await this.#options.server.startKernel(this.#aborting.signal, (place) => {
        if (!this.#isOver()) this.#enter({ name: "waiting", ...place });
      });
      if (this.#isOver()) this.#options.server.endKernel(kernel.id);
      else this.#connect(kernel);
    } catch (error) {
      if (!this.#retriesAfter(error)) this.#refused(error);
    }
  }

  /** Requests a kernel again later if the server is away, and returns whether it will. */
  #retriesAfter(error: unknown): boolean {
    const seconds = RETRIES[this.#retries];
    if (!(error instanceof Away) || seconds === undefined || this.#isOver()) return false;
    this.#retries += 1;
    this.#enter({ name: "away", message: error.message });
    this.#wait(seconds, () => void this.#requestKernel());
    return true;
  }

  /**
   * Stops the program: the first call interrupts it, the second ends its kernel.
   *
   * The second follows by itself when the interrupt had no effect. Nothing happens once it is over.
   */
  stop(): void {
    if (this.#isOver()) return;
    this.#stops += 1;
    if (this.#requestId === "") {
      if (this.#kernel) this.#options.server.endKernel(this.#kernel.id);
      this.#finish({ name: "stopped", seconds: this.#elapsed() });
    } else if (this.#stops === 1) {
      this.#send(interruptRequest(this.#authorship()));
      this.#enter({ name: "stopping" });
      this.#wait(PATIENCE, () => this.stop());
    } else {
      if (this.#kernel) this.#options.server.endKernel(this.#kernel.id);
      this.#wait(LAST_PATIENCE, () => this.#finish({ name: "stopped", seconds: this.#elapsed() }));
    }
  }

  #connect(kernel: KernelAddress): void {
    this.#kernel = kernel;
    if (this.#state.name !== "starting") this.#enter({ name: "starting" });
    this.#session = this.#options.newId();
    this.#channel = this.#options.openChannel(kernel.channels, {
      onOpen: () => this.#opened(),
      onMessage: (message) => this.#received(message),
      onConnection: (connection) => this.#connectionIs(connection),
      onEnd: (end) => this.#channelEnded(end),
    });
  }

  #refused(error: unknown): void {
    if (this.#isOver()) return;
    // The browser may also refuse: the page's policy or scheme may forbid the WebSocket.
    if (this.#kernel !== null) this.#options.server.endKernel(this.#kernel.id);
    if (!(error instanceof Refusal)) report(error, "starting a program");
    const message = error instanceof Refusal ? error.message : String(error);
    this.#finish({ name: "refused", message });
  }

  #opened(): void {
    const by = this.#authorship();
    this.#requestId = by.msgId;
    this.#begun = this.#options.clock.now();
    const { code, language, permalink, waits, answers } = this.#options;
    this.#send(executeRequest(code, language, by, permalink, waits, answers));
    this.#enter({ name: "running", since: this.#begun });
  }

  #received(message: KernelMessage): void {
    if (message.type === "sagecell_permalink") {
      // The database may take longer than the program.
      guarded("using a permalink", () => this.#options.onPermalink(message.content.id));
      return;
    }
    if (this.#isOver()) return;
    if (message.type === "status") {
      this.#statusSaid(message);
      return;
    }
    if (message.type === "sagecell_warning") {
      this.#warn(message.content.reason, message.content.message);
      return;
    }
    guarded(`showing ${message.type}`, () => this.#options.onMessage(message));
    if (message.type === "execute_reply" && message.parentId === this.#requestId) {
      this.#reply = message.content.status;
      const { exitStatus, fault } = message.content;
      this.#failure = { exitStatus, fault };
    }
  }

  #statusSaid({ content, parentId }: MessageOf<"status">): void {
    const { state, reason, message } = content;
    // Work cancels the idle warning, not the lifetime one.
    if (state === "busy" && this.#warnedOf === "idle") this.#warn("", "");
    if (state === "idle" && parentId === this.#requestId && this.#reply !== "") {
      this.#complete();
    } else if (state === "dead") {
      this.#died(reason, message);
    }
  }

  #warn(reason: string, sentence: string): void {
    this.#warnedOf = reason;
    this.#options.onWarning(sentence);
  }

  #died(reason: string, message: string): void {
    if (this.#reply !== "") this.#complete();
    else if (this.#stops > 0) this.#finish({ name: "stopped", seconds: this.#elapsed() });
    else this.#finish({ name: "ended", reason, message: message || "The program has ended." });
  }

  #complete(): void {
    const seconds = this.#elapsed();
    if (this.#reply === "ok") this.#finish({ name: "done", seconds });
    else if (this.#stops > 0) this.#finish({ name: "stopped", seconds });
    else {
      const { exitStatus, fault } = this.#failure;
      this.#finish({ name: "failed", seconds, exitStatus, fault });
    }
  }

  #connectionIs(connection: "lost" | "restored"): void {
    if (connection === "lost" && this.#state.name === "running") {
      this.#enter({ name: "reconnecting" });
    } else if (connection === "restored" && this.#state.name === "reconnecting") {
      this.#enter({ name: "running", since: this.#begun });
    }
  }

  #channelEnded({ message }: Reason): void {
    if (this.#isOver()) return;
    if (this.#reply !== "") {
      this.#complete();
    } else if (this.#stops > 0) {
      this.#finish({ name: "stopped", seconds: this.#elapsed() });
    } else {
      this.#finish({ name: "lost", message });
    }
  }

  #finish(state: State): void {
    this.#callOff();
    this.#warn("", "");
    this.#aborting.abort();
    this.#enter(state);
    // The server closes the channel after its last message. After Stop there may be none.
    if (state.name === "stopped") this.#channel?.close();
    this.#channel = null;
  }

  #enter(state: State): void {
    this.#state = state;
    guarded(`showing that a program is ${state.name}`, () => this.#options.onState(state));
  }

  #wait(seconds: number, act: () => void): void {
    this.#callOff();
    this.#callOff = this.#options.clock.after(seconds, act);
  }

  #send(message: ClientMessage): void {
    this.#channel?.send(message);
  }

  #authorship(): Authorship {
    const { newId, clock } = this.#options;
    return { msgId: newId(), session: this.#session, date: clock.date() };
  }

  #elapsed(): number {
    return this.#options.clock.now() - this.#begun;
  }

  #isOver(): boolean {
    return !isLive(this.#state);
  }
}
