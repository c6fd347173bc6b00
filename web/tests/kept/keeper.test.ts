import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { Keeper, type KeeperOptions } from "../../src/kept/keeper";
import { KeptPrograms } from "../../src/kept/programs";
import type { KeptProgram } from "../../src/protocol/kept";
import { FakeClock, heard } from "../fakes";
import { FakeStorage } from "./storage";

let storage: FakeStorage;
let programs: KeptPrograms;
let clock: FakeClock;
let code: string;
let shown: Omit<KeptProgram, "saved">[];
let keeper: Keeper;
let choices: number;

beforeEach(() => {
  storage = new FakeStorage();
  programs = new KeptPrograms(
    () => storage,
    () => 1_700_000_000_000,
  );
  clock = new FakeClock();
  code = "original";
  shown = [];
  choices = 0;
});
afterEach(() => document.body.replaceChildren());

/** The cell of a new visit. */
function visit(options: Partial<KeeperOptions> = {}): void {
  keeper = new Keeper({
    programs,
    key: "key",
    original: "original",
    autoeval: false,
    clock,
    program: () => ({ code, language: "sage" }),
    onShow: (program) => {
      shown.push(program);
      ({ code } = program);
      keeper.changed();
    },
    onChosen: () => (choices += 1),
    ...options,
  });
  document.body.replaceChildren(keeper.element);
  keeper.open();
}
const press = (name: string) => document.querySelector<HTMLElement>(`.sagecell_${name}`)!.click();
const texts = () =>
  (programs.load("key")?.output ?? []).map((message) =>
    message.type === "stream" ? message.content.text : message.type,
  );
const print = (text: string) => keeper.record(heard("stream", { name: "stdout", text }));

function change(to: string): void {
  code = to;
  keeper.changed();
  clock.advance(1);
}

test("a changed program is offered at the next visit, and restored with its output", () => {
  visit();
  expect(keeper.element.hidden).toBe(true);
  change("changed");
  keeper.began(() => "k1");
  print("1");
  keeper.record(heard("display_data", { data: { "text/html": "<b>x</b>" } }));
  keeper.record(heard("execute_reply", { status: "ok", payload: [{ new_files: ["a"] }] }));
  keeper.record(heard("stream", { name: "stdout", text: "interact's" }, "", "i1"));
  keeper.save();
  code = "original";
  visit();
  expect(keeper.element.hidden).toBe(false);
  expect(keeper.element.textContent).toContain("is kept in this browser");
  expect(shown).toEqual([]);
  press("restore");
  expect(shown).toMatchObject([{ code: "changed", language: "sage", kernelId: "k1" }]);
  expect(shown[0]!.output.map(({ type }) => type)).toEqual([
    "stream",
    "display_data",
    "execute_reply",
  ]);
  expect(keeper.element.hidden).toBe(true);
  clock.advance(1);
  expect(texts()).toEqual(["1", "display_data", "execute_reply"]);
});

test("what is discarded is gone", () => {
  visit();
  change("changed");
  code = "original";
  visit();
  press("discard");
  expect([keeper.element.hidden, shown.length, storage.length, choices]).toEqual([true, 0, 0, 1]);
});

test("over an empty program it is shown at once, and can be discarded", () => {
  visit({ original: "" });
  change("mine");
  code = "";
  visit({ original: "" });
  expect([code, keeper.element.hidden]).toEqual(["mine", false]);
  press("discard");
  clock.advance(1);
  expect([code, shown.at(-1)!.output, storage.length]).toEqual(["", [], 0]);
});

test("nothing is saved while an offer stands, and an evaluation of another program ends it", () => {
  visit();
  change("first");
  code = "original";
  visit();
  change("second");
  expect(programs.load("key")?.code).toBe("first");
  keeper.began(() => "");
  expect([keeper.element.hidden, programs.load("key")?.code]).toEqual([true, "second"]);
});

test("the author's program without output of the reader's is not kept", () => {
  visit();
  change("changed");
  change("original");
  expect(storage.length).toBe(0);
});

test("an evaluation that nobody asked for keeps nothing and leaves the offer", () => {
  visit();
  change("changed");
  code = "original";
  visit({ autoeval: true });
  keeper.began(() => "k");
  print("automatic");
  keeper.save();
  expect([keeper.element.hidden, programs.load("key")?.code]).toEqual([false, "changed"]);
  keeper.began(() => "k"); // The reader's, but of the author's program.
  expect([keeper.element.hidden, programs.load("key")?.code]).toEqual([false, "changed"]);
  press("discard");
  keeper.began(() => "k");
  print("asked for");
  keeper.save();
  expect(texts()).toEqual(["asked for"]);
});

describe("output", () => {
  beforeEach(() => {
    visit();
    keeper.began(() => "k");
  });

  test("is bounded, and says so", () => {
    for (let count = 0; count < 5; count += 1) print("x".repeat(90_000));
    keeper.save();
    expect(texts().map(({ length }) => length)).toEqual([90_000, 90_000, expect.any(Number)]);
    expect(texts()[2]).toContain("was not kept");
  });

  test("that was cleared is not kept", () => {
    print("x".repeat(250_000));
    keeper.record(heard("clear_output", { wait: true }));
    print("second");
    keeper.record(heard("clear_output", { wait: false }, "", "i1")); // An interact's own.
    keeper.record(heard("clear_output", { wait: true }));
    keeper.save();
    expect(texts()).toEqual(["second"]);
    keeper.record(heard("clear_output", { wait: false }));
    keeper.save();
    expect(texts()).toEqual([]);
  });
});

describe("a page that is hidden", () => {
  const hide = () => window.dispatchEvent(new Event("pagehide"));

  test("saves what was typed just now, once, and an output that goes on", () => {
    visit();
    const save = vi.spyOn(programs, "save");
    hide();
    expect(save).not.toHaveBeenCalled();
    code = "typed just now";
    keeper.changed();
    hide();
    hide();
    clock.advance(1);
    expect(programs.load("key")?.code).toBe("typed just now");
    expect(save).toHaveBeenCalledTimes(1);
    keeper.began(() => "k");
    print("so far");
    hide();
    expect(texts()).toEqual(["so far"]);
  });

  test("saves nothing over an offer, nor for a deleted cell", () => {
    visit();
    change("first");
    code = "original";
    visit();
    code = "second";
    keeper.changed();
    hide();
    expect(programs.load("key")?.code).toBe("first");
    press("discard");
    code = "third";
    keeper.changed();
    keeper.dispose();
    hide();
    expect(storage.length).toBe(0);
  });
});

test("a deleted cell saves nothing more", () => {
  visit();
  code = "changed";
  keeper.changed();
  keeper.dispose();
  keeper.dispose();
  expect([clock.pending, document.body.childElementCount]).toEqual([0, 0]);
});

test("at the page's new address, changes of the program that it brings are kept as well", () => {
  visit();
  change("run");
  keeper.hasMoved("moved", "run");
  clock.advance(1);
  expect([programs.load("key")?.code, programs.load("moved")]).toEqual(["run", null]);
  change("changed");
  expect([programs.load("key")?.code, programs.load("moved")?.code]).toEqual([
    "changed",
    "changed",
  ]);
  change("run");
  expect(programs.load("moved")).toBeNull();
});
