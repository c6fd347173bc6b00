import { beforeEach, expect, test } from "vitest";

import { watchTroubles } from "../../../src/output/frame/troubles";

let page: EventTarget & { document: EventTarget };
let told: string[];

beforeEach(() => {
  page = Object.assign(new EventTarget(), { document: new EventTarget() });
  told = [];
  watchTroubles(page as unknown as Window, (sentence) => told.push(sentence));
});

const fails = (message: string) => page.dispatchEvent(new ErrorEvent("error", { message }));
const rejects = (reason: unknown) =>
  page.dispatchEvent(Object.assign(new Event("unhandledrejection"), { reason }));
const violates = (effectiveDirective: string, blockedURI: string) =>
  page.document.dispatchEvent(
    Object.assign(new Event("securitypolicyviolation"), { effectiveDirective, blockedURI }),
  );

test("a script's error is told in words, each once", () => {
  fails("Uncaught ReferenceError: x is not defined");
  fails("Uncaught ReferenceError: x is not defined");
  rejects(new TypeError("no"));
  rejects({
    toString: () => {
      throw new Error("hostile");
    },
  });
  expect(told).toEqual([
    "A script in this output failed: ReferenceError: x is not defined",
    "A script in this output failed: TypeError: no",
    "A script in this output failed: an error without words",
  ]);
});

test("what was not loaded is told with the host that it would have come from", () => {
  violates("script-src-elem", "https://cdn.example.org/a.js?secret");
  violates("connect-src", "wss://a.example:8443/b");
  violates("img-src", "inline");
  violates("constructor", "");
  expect(told).toEqual([
    "A script from cdn.example.org was not loaded: this server does not let output ask for it.",
    "Data from a.example:8443 was not loaded: this server does not let output ask for it.",
    "A picture was not loaded: this server does not let output ask for it.",
    "Something was not loaded: this server does not let output ask for it.",
  ]);
});

test("harmless things are not told: a layout in two frames, and icons that the frame has itself", () => {
  fails("ResizeObserver loop completed with undelivered notifications.");
  violates(
    "style-src-elem",
    "https://maxcdn.example.com/font-awesome/4.4.0/css/font-awesome.min.css",
  );
  expect(told).toEqual([]);
});

test("sentences are bounded, in number and length", () => {
  for (let i = 0; i < 100; i += 1) fails(`${i} ${"x".repeat(1000)}`);
  expect(told).toHaveLength(20);
  expect(Math.max(...told.map(({ length }) => length))).toBeLessThan(400);
});
