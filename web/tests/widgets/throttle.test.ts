import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { throttle } from "../../src/widgets/throttle";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test("the first event comes at once, and of those soon after it the last", () => {
  const got: number[] = [];
  const take = throttle((event: number) => got.push(event), 30);
  take(1);
  take(2);
  take(3);
  expect(got).toEqual([1]);
  vi.advanceTimersByTime(30);
  expect(got).toEqual([1, 3]);
  take(4);
  expect(got).toEqual([1, 3]);
  vi.advanceTimersByTime(60);
  expect(got).toEqual([1, 3, 4]);
  take(5);
  expect(got).toEqual([1, 3, 4, 5]);
});
