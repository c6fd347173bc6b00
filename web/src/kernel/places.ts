/**
 * Who of a page has a kernel: so many at a time, and the others wait in line.
 *
 *     waiting --> asking --> holding --> leaving --> gone
 *        ^          |            |                    ^
 *        +----------+            +--------------------+
 *
 * Asking: the server was asked for a kernel. It may say to come back later: then nobody asks before
 * that time, and one at a time until one gets a kernel. Leaving: the page has ended the kernel, which
 * counts until the server has heard of it. One that ends by itself is gone at once.
 */

import type { Clock } from "../dom/clock";
import { guarded } from "../dom/errors";
import type { QueuePlace } from "../protocol/queue";
import { Refusal } from "./server";

export interface PlacesOptions {
  readonly clock: Clock;
  /** Kernels that the page may have at a time, as the server said last; 0 is no limit. */
  readonly most: () => number;
}

/** Seconds that one goes on asking after the server has said to come back later. */
const PATIENCE = 120;

/** Seconds after which a kernel that was ended counts as gone, though the server has not answered. */
const FAREWELL = 5;

interface Entry {
  readonly holder: Holder;
  /** Its number in the order of coming: one that is sent back stands where it stood. */
  readonly number: number;
  readonly onQueued: (place: QueuePlace) => void;
  readonly go: () => void;
  readonly refuse: (reason: Error) => void;
  /** The position that it was told last; 0 for none. */
  told: number;
}

/** One that wants a kernel or has one. */
export interface Holder {
  /** Seconds without use after which it gives its kernel to another; null while that is at work. */
  readonly restsAfter: number | null;
  /** Ends its kernel, and calls `leave`. */
  giveWay(): void;
}

export class Places {
  readonly #options: PlacesOptions;
  /** When those that ask for a kernel or have one were last used, the longest unused first. */
  readonly #holders = new Map<Holder, number>();
  #line: Entry[] = [];
  #numbers = 0;
  #asking = 0;
  /** When each kernel that was ended counts as gone at the latest, in the clock's seconds. */
  readonly #leaving = new Map<Promise<unknown>, number>();
  /** Refusals that named a time to come back at. */
  #refusals = 0;
  /** After a refusal, one asks at a time, until one that asked later has got a kernel. */
  #isCautious = false;
  /** Nobody asks before this time, in the clock's seconds. */
  #pausedUntil = 0;
  #callOff: () => void = () => undefined;

  constructor(options: PlacesOptions) {
    this.#options = options;
  }

  /**
   * What `ask` gives, which is called as soon as there is a place; at once if there is one now.
   *
   * `holder` has the place from then on, until `free` or `leave`, or until `ask` has failed. Who
   * waits is told each new position by `onQueued`. Rejects with what `ask` rejects with, with the
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

  /** The holder's kernel has ended, or there will be none; nothing happens if it has no place. */
  free(holder: Holder): void {
    if (this.#holders.delete(holder)) this.#serve();
  }

  /** The holder's kernel was used, or has nothing to do any more. */
  used(holder: Holder): void {
    if (!this.#holders.delete(holder)) return;
    this.#holders.set(holder, this.#options.clock.now());
    this.#serve();
  }

  /** The page has ended the holder's kernel; `heard` is settled when the server knows. */
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

  /** Sends away all who wait. */
  refuseAll(reason: Error): void {
    const line = this.#line;
    this.#line = [];
    this.#callOff();
    for (const { refuse } of line) refuse(reason);
  }

  /** Fulfilled when `holder` has a place; at once where there is one. */
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

  /** The one to give way, if one may: it loses the least, and among equals it is longest unused. */
  #giver(): Holder | null {
    const now = this.#options.clock.now();
    const rested = [...this.#holders]
      .map(([holder, used]) => ({ holder, used, rest: holder.restsAfter ?? Infinity }))
      .filter(({ used, rest }) => used + rest <= now);
    const least = Math.min(...rested.map(({ rest }) => rest));
    return rested.find(({ rest }) => rest === least)?.holder ?? null;
  }

  /** Whether the server has named a time to come back at, and there is patience left for that. */
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

  /** Lets those go whose turn it is, makes room for others, and tells who waits where it stands. */
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
        giver.giveWay(); // and `leave` has served the others
        return;
      }
    }
    this.#wait();
    this.#tellAll();
  }

  /** Looks again when time alone has changed something. */
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
      guarded("telling a place in line", () => entry.onQueued({ position: index + 1, seconds }));
    });
  }
}
