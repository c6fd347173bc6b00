/**
 * The kernels of one page: so many at a time, and a queue of the cells that wait for one.
 *
 *     waiting --> asking --> holding --> leaving --> gone
 *        ^          |            |                    ^
 *        +----------+            +--------------------+
 *
 * Asking: a kernel was requested. If the server answers with a time to retry, nobody asks before that
 * time, and then one at a time until one gets a kernel. Leaving: the page has ended the kernel, which
 * counts until the server has confirmed it. A kernel that ends by itself is gone at once.
 */

import type { Clock } from "../dom/clock";
import { guarded } from "../dom/errors";
import type { QueuePlace } from "../protocol/queue";
import { Refusal } from "./server";

/** What the queue needs. */
export interface PlacesOptions {
  readonly clock: Clock;
  /** Kernels that the page may have at a time, according to the server; 0 for no limit. */
  readonly most: () => number;
}

/** Seconds from the first refusal during which a request is retried. */
const PATIENCE = 120;

/** Seconds after which a kernel that was ended counts as gone even if the server has not answered. */
const FAREWELL = 5;

interface Entry {
  readonly holder: Holder;
  /** Its number in the order of arrival: after a refusal it takes its old position. */
  readonly number: number;
  readonly onQueued: (place: QueuePlace) => void;
  readonly go: () => void;
  readonly refuse: (reason: Error) => void;
  /** The position that was last passed to `onQueued`; 0 for none. */
  told: number;
}

/** A kernel of the page, or one that is to be started; compared by identity. */
export interface Holder {
  /** Seconds without use after which it ends in favour of another; null while it is at work. */
  readonly restsAfter: number | null;
  /** Ends the kernel, which calls `leave`. */
  giveWay(): void;
}

/** Decides when each kernel of a page is requested, and which ends in favour of another. */
export class Places {
  readonly #options: PlacesOptions;
  /** When each holder of a place was last used, the least recently used first. */
  readonly #holders = new Map<Holder, number>();
  #line: Entry[] = [];
  #numbers = 0;
  #asking = 0;
  /** The latest time at which each ended kernel counts as gone, in the clock's seconds. */
  readonly #leaving = new Map<Promise<unknown>, number>();
  /** Counts the refusals with a time to retry. */
  #refusals = 0;
  /** After a refusal, requests are made one at a time until one of them succeeds. */
  #isCautious = false;
  /** No request is made before this time, in the clock's seconds. */
  #pausedUntil = 0;
  #callOff: () => void = () => undefined;

  constructor(options: PlacesOptions) {
    this.#options = options;
  }

  /**
   * The result of `ask`, which is called as soon as there is a place; at once if there is one now.
   *
   * `holder` has the place from then on, until `free` or `leave`, or until `ask` has failed. While it
   * waits, `onQueued` is called for each change of its position. Rejects as `ask` does, with the
   * signal's reason, or with that of `refuseAll`.
   */
  async take<T>(
    holder: Holder,
    signal: AbortSignal,
    onQueued: (place: QueuePlace) => void,
    ask: () => Promise<T>,
  ): Promise<T> {
    const number = (this.#numbers += 1);
    let refusedAt: number | null = null;
    for (;;) {
      await this.#turn({ holder, number, onQueued }, signal);
      const refusals = this.#refusals;
      try {
        const got = await ask();
        if (refusals === this.#refusals) this.#isCautious = false;
        return got;
      } catch (error) {
        this.#holders.delete(holder);
        refusedAt ??= this.#options.clock.now();
        if (signal.aborted || !this.#comesBack(error, refusedAt)) throw error;
      } finally {
        this.#asking -= 1;
        this.#serve();
      }
    }
  }

  /** The holder's kernel has ended or will not start; does nothing if it has no place. */
  free(holder: Holder): void {
    if (this.#holders.delete(holder)) this.#serve();
  }

  /** The holder's kernel was used, or has become idle. */
  used(holder: Holder): void {
    if (!this.#holders.delete(holder)) return;
    this.#holders.set(holder, this.#options.clock.now());
    this.#serve();
  }

  /** The page has ended the holder's kernel; `heard` settles when the server has confirmed it. */
  leave(holder: Holder, heard: Promise<unknown>): void {
    if (!this.#holders.delete(holder)) return;
    this.#leaving.set(heard, this.#options.clock.now() + FAREWELL);
    const gone = () => {
      this.#leaving.delete(heard);
      this.#serve();
    };
    heard.then(gone, gone);
    this.#serve();
  }

  /** Rejects all that wait. */
  refuseAll(reason: Error): void {
    const line = this.#line;
    this.#line = [];
    this.#callOff();
    for (const { refuse } of line) refuse(reason);
  }

  /** Fulfilled when the holder has a place; undefined if it has one now. */
  #turn(
    wish: Pick<Entry, "holder" | "number" | "onQueued">,
    signal: AbortSignal,
  ): Promise<void> | undefined {
    signal.throwIfAborted();
    if (this.#line.length === 0 && this.#hasRoom()) {
      this.#seat(wish.holder);
      return undefined;
    }
    return new Promise((resolve, reject) => {
      const abort = () => {
        this.#line = this.#line.filter((other) => other !== entry);
        entry.refuse(signal.reason as Error);
        this.#serve();
      };
      const entry: Entry = {
        ...wish,
        told: 0,
        go: () => {
          signal.removeEventListener("abort", abort);
          resolve();
        },
        refuse: (reason) => {
          signal.removeEventListener("abort", abort);
          reject(reason);
        },
      };
      signal.addEventListener("abort", abort);
      const later = this.#line.findIndex(({ number }) => number > wish.number);
      this.#line.splice(later < 0 ? this.#line.length : later, 0, entry);
      this.#serve();
    });
  }

  #seat(holder: Holder): void {
    this.#holders.set(holder, this.#options.clock.now());
    this.#asking += 1;
  }

  #hasRoom(): boolean {
    return this.#mayAsk() && !this.#isFull();
  }

  #mayAsk(): boolean {
    const isPaused = this.#options.clock.now() < this.#pausedUntil;
    return !isPaused && !(this.#isCautious && this.#asking > 0);
  }

  #isFull(): boolean {
    const most = this.#options.most();
    const now = this.#options.clock.now();
    const leaving = [...this.#leaving.values()].filter((end) => end > now);
    return most !== 0 && this.#holders.size + leaving.length >= most;
  }

  /** The holder to give way: the one that loses least, then the least recently used. */
  #giver(): Holder | null {
    const now = this.#options.clock.now();
    const rested = [...this.#holders]
      .map(([holder, used]) => ({ holder, used, rest: holder.restsAfter ?? Infinity }))
      .filter(({ used, rest }) => used + rest <= now);
    const least = Math.min(...rested.map(({ rest }) => rest));
    return rested.find(({ rest }) => rest === least)?.holder ?? null;
  }

  /** Whether a request is retried after `error`; if so, all requests wait for the server's time. */
  #comesBack(error: unknown, refusedAt: number): boolean {
    const seconds = error instanceof Refusal ? error.retryAfter : null;
    if (seconds === null) return false;
    const now = this.#options.clock.now();
    if (now + seconds - refusedAt > PATIENCE) return false;
    this.#refusals += 1;
    this.#isCautious = true;
    this.#pausedUntil = Math.max(this.#pausedUntil, now + seconds);
    return true;
  }

  /** Starts those whose turn it is, ends a kernel for the next, and reports the positions. */
  #serve(): void {
    this.#callOff();
    for (let [first] = this.#line; first !== undefined && this.#hasRoom(); [first] = this.#line) {
      this.#line.shift();
      this.#seat(first.holder);
      first.go();
    }
    if (this.#line.length === 0) return;
    if (this.#mayAsk() && this.#line.length > this.#leaving.size) {
      const giver = this.#giver();
      if (giver !== null) {
        giver.giveWay(); // `leave` calls this method again.
        return;
      }
    }
    this.#wait();
    this.#tellAll();
  }

  /** Schedules the next call of `serve` that the passing of time alone makes necessary. */
  #wait(): void {
    const { clock } = this.#options;
    const now = clock.now();
    const rests = [...this.#holders].map(
      ([holder, used]) => used + (holder.restsAfter ?? Infinity),
    );
    const next = Math.min(
      ...[this.#pausedUntil, ...this.#leaving.values(), ...rests].filter((time) => time > now),
    );
    if (next < Infinity) this.#callOff = clock.after(next - now, () => this.#serve());
  }

  #tellAll(): void {
    const pause = this.#pausedUntil - this.#options.clock.now();
    this.#line.forEach((entry, index) => {
      if (entry.told === index + 1) return;
      entry.told = index + 1;
      const seconds = pause > 0 && index === 0 ? pause : null;
      guarded("showing the place in the queue", () =>
        entry.onQueued({ position: index + 1, seconds }),
      );
    });
  }
}
