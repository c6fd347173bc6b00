import { afterEach, beforeEach, expect, test } from "vitest";

import { Presence } from "../../src/dom/presence";
import { FakeClock } from "../fakes";

let clock: FakeClock;
let parts: HTMLElement[];
let presence: Presence;
let goings: number;
let insertions: number;

beforeEach(() => {
  clock = new FakeClock();
  document.body.innerHTML = "<main><div></div></main><div></div>";
  parts = [...document.querySelectorAll("div")];
  goings = 0;
  insertions = 0;
  presence = new Presence({
    parts,
    clock,
    onGone: () => (goings += 1),
    onInserted: () => (insertions += 1),
  });
});

afterEach(() => {
  presence.dispose();
  document.body.replaceChildren();
});

test("parts are gone a second after the last was removed, alone or with an ancestor", () => {
  document.querySelector("main")!.remove();
  clock.advance(10);
  expect([goings, presence.isOnPage]).toEqual([0, true]);
  parts[1]!.remove();
  expect([goings, presence.isOnPage]).toEqual([0, false]);
  clock.advance(0.9);
  expect(goings).toBe(0);
  clock.advance(0.1);
  expect(goings).toBe(1);
  clock.advance(10);
  expect([goings, clock.pending]).toEqual([1, 0]);
});

test("insertions are told, of parts and of what contains them", () => {
  expect(insertions).toBe(2);
  const main = document.querySelector("main")!;
  main.remove();
  expect(insertions).toBe(2);
  document.body.append(main);
  expect(insertions).toBe(3);
  presence.dispose();
  document.body.append(main);
  expect(insertions).toBe(3);
});

test("parts that are moved, or put back in time, are not gone, and may go later", () => {
  document.body.append(...parts);
  clock.advance(10);
  document.body.replaceChildren();
  clock.advance(0.5);
  document.body.append(...parts);
  clock.advance(10);
  expect(goings).toBe(0);
  document.body.replaceChildren();
  clock.advance(1);
  expect(goings).toBe(1);
  document.body.append(...parts);
  document.body.replaceChildren();
  clock.advance(1);
  expect(goings).toBe(2);
});

test("a part in a shadow tree goes with its host", () => {
  const host = document.createElement("section");
  document.body.replaceChildren(host);
  host.attachShadow({ mode: "open" }).append(...parts);
  clock.advance(1);
  expect([goings, presence.isOnPage]).toEqual([0, true]);
  host.remove();
  clock.advance(1);
  expect(goings).toBe(1);
});

test("after `dispose` there are no calls, and nothing is left in the parts", () => {
  document.body.replaceChildren();
  presence.dispose();
  presence.dispose();
  expect([clock.pending, parts.map((part) => part.childElementCount)]).toEqual([0, [0, 0]]);
  document.body.append(...parts);
  document.body.replaceChildren();
  expect(clock.pending).toBe(0);
  expect(goings).toBe(0);
});
