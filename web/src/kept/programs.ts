/** The programs that this browser keeps for the pages of one site: bounded and expiring. */

import { type KeptProgram, decodeProgram, encodeProgram } from "../protocol/kept";
import type { JsonObject } from "../protocol/messages";

/** The browser's storage; each access may throw where it is forbidden or full. */
export type TextStorage = Pick<Storage, "getItem" | "setItem" | "removeItem" | "key" | "length">;

/** What is kept at most. */
export interface KeptLimits {
  readonly programs: number;
  /** Characters of all programs with their output. */
  readonly characters: number;
  /** Milliseconds until a program expires. */
  readonly age: number;
}

const LIMITS: KeptLimits = { programs: 100, characters: 1_000_000, age: 14 * 24 * 3600 * 1000 };

/** Begins each key, because the author's page uses the same storage. */
const PREFIX = "sagecell_kept ";

/** Access to the kept programs. No method throws: without a storage, nothing is kept. */
export class KeptPrograms {
  readonly #storage: () => TextStorage;
  readonly #now: () => number;
  readonly #limits: KeptLimits;

  /** `storage` is called for each access; `now` returns milliseconds since 1970. */
  constructor(storage: () => TextStorage, now: () => number, limits: KeptLimits = LIMITS) {
    this.#storage = storage;
    this.#now = now;
    this.#limits = limits;
  }

  /** The program that is kept for `key`; null if there is none, or it has expired. */
  load(key: string): KeptProgram | null {
    return this.#tried((storage) => {
      const program = decodeProgram(storage.getItem(PREFIX + key) ?? "");
      return program !== null && this.#isFresh(program.saved) ? program : null;
    });
  }

  /** Keeps a program, in place of older ones where the limits demand that. */
  save(
    key: string,
    program: Omit<KeptProgram, "output" | "saved">,
    output: readonly JsonObject[],
  ): void {
    const text = encodeProgram({ ...program, saved: this.#now() }, output);
    if (text.length > this.#limits.characters) return;
    this.#tried((storage) => {
      storage.removeItem(PREFIX + key);
      this.#makeRoom(storage, text.length);
      storage.setItem(PREFIX + key, text);
    });
  }

  /** Forgets a program. */
  drop(key: string): void {
    this.#tried((storage) => storage.removeItem(PREFIX + key));
  }

  #isFresh(saved: number): boolean {
    const age = this.#now() - saved;
    return age >= 0 && age < this.#limits.age;
  }

  /** Removes what has expired or cannot be read, and the oldest until `characters` more fit. */
  #makeRoom(storage: TextStorage, characters: number): void {
    const kept = keysOf(storage).map((key) => {
      const text = storage.getItem(key) ?? "";
      return { key, size: text.length, saved: decodeProgram(text)?.saved ?? -Infinity };
    });
    kept.sort((one, other) => other.saved - one.saved);
    let [count, total] = [1, characters];
    for (const { key, size, saved } of kept) {
      count += 1;
      total += size;
      const fits = count <= this.#limits.programs && total <= this.#limits.characters;
      if (!fits || !this.#isFresh(saved)) storage.removeItem(key);
    }
  }

  #tried<T>(act: (storage: TextStorage) => T): T | null {
    try {
      return act(this.#storage());
    } catch {
      return null; // A browser may forbid storage, and the page's own data may fill it.
    }
  }
}

function keysOf(storage: TextStorage): string[] {
  const keys = Array.from({ length: storage.length }, (_, at) => storage.key(at) ?? "");
  return keys.filter((key) => key.startsWith(PREFIX));
}

/** A short name for a text, for use in keys. */
export function digest(text: string): string {
  let [one, other] = [text.length, 0];
  for (let at = 0; at < text.length; at += 1) {
    one = (Math.imul(one, 31) + text.charCodeAt(at)) | 0;
    other = (Math.imul(other, 1_000_003) ^ text.charCodeAt(at)) | 0;
  }
  return `${(one >>> 0).toString(36)}${(other >>> 0).toString(36)}`;
}
