import { expect, test } from "vitest";

import {
  type FrameOrder,
  decodeGreeting,
  decodeOrder,
  decodeReport,
  greeting,
  isWebAddress,
} from "../../src/protocol/frames";

const theme = { scheme: "dark", properties: { "--ink": "#fff" } } as const;

test("a page's greeting arrives as it was sent", () => {
  const beginning = { theme, files: "https://cells.test/kernel/k/files/", version: "2" };
  expect(decodeGreeting(greeting(beginning))).toEqual(beginning);
});

test.each([null, undefined, 1, "sagecell-frame", [], {}, { greeting: "other" }])(
  "%s is no greeting",
  (value) => expect(decodeGreeting(value)).toBeNull(),
);

const orders: readonly FrameOrder[] = [
  { kind: "theme", theme },
  { kind: "clear" },
  { kind: "print", name: "stderr", text: "a", isNew: true },
  { kind: "show", id: 0, item: { kind: "display", data: { "text/plain": "1" }, metadata: {} } },
  { kind: "update", id: 3, item: { kind: "error", traceback: "Oops" } },
  { kind: "show", id: 4, item: { kind: "pager", text: "help" } },
];
test.each(orders)("the order $kind arrives as it was given", (order) =>
  expect(decodeOrder(structuredClone(order))).toEqual(order),
);

test.each([
  null,
  "clear",
  { kind: "other" },
  { kind: "print", name: "stdin", text: "a" },
  { kind: "print", name: "stdout", text: 1 },
  { kind: "show", id: "0", item: { kind: "pager", text: "a" } },
  { kind: "show", id: 0, item: { kind: "stream" } },
  { kind: "show", id: 0 },
])("%o is no order", (value) => expect(decodeOrder(value)).toBeNull());

test("what a theme says besides is dropped", () => {
  const told = { scheme: "blue", properties: { color: "red", "--a": 1, "--b": "x".repeat(1001) } };
  expect(decodeOrder({ kind: "theme", theme: told })).toEqual({
    kind: "theme",
    theme: { scheme: "light", properties: { color: "red" } },
  });
});

test.each([
  { kind: "ready" },
  { kind: "height", pixels: 100.5, orders: 3 },
  { kind: "link", address: "https://example.org/" },
  { kind: "left" },
])("the report $kind arrives as it was made", (report) =>
  expect(decodeReport(structuredClone(report))).toEqual(report),
);

test.each([
  null,
  undefined,
  "ready",
  [{ kind: "ready" }],
  new Map([["kind", "ready"]]),
  { kind: "other" },
  { kind: "height", pixels: NaN, orders: 0 },
  { kind: "height", pixels: Infinity, orders: 0 },
  { kind: "height", pixels: -1, orders: 0 },
  { kind: "height", pixels: "9", orders: 0 },
  { kind: "height", pixels: 9 },
  { kind: "link" },
  { kind: "link", address: ["https://example.org/"] },
  { kind: "link", address: "javascript:alert(1)" },
])("%o is no report", (value) => expect(decodeReport(value)).toBeNull());

test("only whole addresses of http and https are followed", () => {
  expect(isWebAddress("http://example.org/?a#b")).toBe(true);
  for (const address of ["javascript:1", " javascript:1", "data:text/html,a", "blob:null/1"]) {
    expect(isWebAddress(address), address).toBe(false);
  }
  for (const address of ["file:///etc", "mailto:a@b.org", "//example.org", "/a", "", "http:"]) {
    expect(isWebAddress(address), address).toBe(false);
  }
  expect(isWebAddress(`https://example.org/${"a".repeat(8000)}`)).toBe(false);
});
