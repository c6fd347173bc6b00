/** A browser's storage for tests. */

import type { TextStorage } from "../../src/kept/programs";

/** A storage that may be forbidden, and that refuses more than `capacity` characters. */
export class FakeStorage implements TextStorage {
  readonly items = new Map<string, string>();
  capacity = Infinity;

  get length(): number {
    return this.items.size;
  }

  key(index: number): string | null {
    return [...this.items.keys()][index] ?? null;
  }

  getItem(key: string): string | null {
    return this.items.get(key) ?? null;
  }

  setItem(key: string, value: string): void {
    if (value.length > this.capacity) throw new DOMException("full", "QuotaExceededError");
    this.items.set(key, value);
  }

  removeItem(key: string): void {
    this.items.delete(key);
  }
}
