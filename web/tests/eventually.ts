import { vi } from "vitest";

/** Waits until `check` throws nothing: longer than Vitest's second, as the machine may be busy with other tests. */
export function eventually<T>(check: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(check, { timeout: 20_000 });
}
