import { beforeEach, describe, expect, test, vi } from "vitest";

import type { Interact, InteractHost, Interacts as Module } from "../../src/interact/api";
import type { Place } from "../../src/interact/placement";
import { Interacts } from "../../src/interact/registry";
import { Output } from "../../src/output/output";
import { harmless } from "../../src/output/policy";
import { KernelGone } from "../../src/protocol/ask";
import type { JsonObject, KernelMessage } from "../../src/protocol/messages";
import { FakeFrames, heard, reports, settled } from "../fakes";

let frames: FakeFrames;
let hosts: Map<string, InteractHost>;
let told: string[];
let failing: Set<object>;
let files: string[];
let ids: number;
let asked: JsonObject[];
let reply: () => Promise<JsonObject>;
let interacts: Interacts;
let wakes: number;
let wake: () => Promise<void>;
let place: Place;
let saved: JsonObject[];

const module: Module = {
  createInteract: (_content, host) => {
    const { id } = host;
    hosts.set(id, host);
    const element = document.createElement("div");
    element.append(host.output);
    const note = (words: string) => told.push(`${id} ${words}`);
    return {
      element,
      handle: ({ kind }) => note(kind),
      cleared: (names) => note(`cleared ${String(names)}`),
      kept: () => ({ state: id }),
      rest: () => note("rest"),
      end: () => note("end"),
      dispose: () => note("remove"),
    } satisfies Interact;
  },
  createControl: () => {
    throw new Error("not here");
  },
};

beforeEach(() => {
  frames = new FakeFrames();
  hosts = new Map();
  told = [];
  failing = new Set();
  files = [];
  ids = 0;
  asked = [];
  saved = [];
  reply = async () => ({});
  wakes = 0;
  wake = async () => undefined;
  interacts = new Interacts({
    wake: () => {
      wakes += 1;
      return wake();
    },
    request: (_type, content, sent) => {
      sent?.(`request-${(ids += 1)}`);
      asked.push(content);
      return reply();
    },
    load: async () => module,
  });
  place = {
    showing: harmless({ fileAddress: () => null, live: (data) => interacts.element(data) }),
    makeOutput: (announce) => {
      const open = (message: KernelMessage) => (announce(message), message);
      return new Output({ nextFrame: frames.next, now: () => 0, open });
    },
    locate: () => null,
    saved: () => saved.shift() ?? null,
    changed: () => undefined,
    failing: (block, isFailing) => (isFailing ? failing.add(block) : failing.delete(block)),
    files: (names) => files.push(...names),
  };
});

const display = (data: JsonObject, interactId = "", parentId = "") =>
  heard("display_data", { data }, parentId, interactId);
const announced = (id: string) => ({
  "application/sage-interact": { new_interact_id: id, controls: {} },
  "text/plain": "interact",
});
const text = (words: string) => ({ "text/plain": words });
const clear = (changed: string[] | null) => ({ "application/sage-clear": { changed } });

async function announce(id: string): Promise<HTMLElement> {
  interacts.announce(display(announced(id)), place);
  await settled();
  return interacts.element(announced(id))!;
}

function shown(element: HTMLElement): string {
  frames.draw();
  const said = element.querySelectorAll(".sagecell_value");
  return Array.from(said, ({ textContent }) => textContent).join("");
}

// contract: 4.18
test("output goes to the interact that it names, or nowhere", async () => {
  const one = await announce("one");
  const two = await announce("two");
  expect(interacts.handle(display(text("a"), "one"))).toBe(true);
  expect(interacts.handle(display(text("b"), "two"))).toBe(true);
  expect(interacts.handle(display(text("lost"), "three"))).toBe(true);
  expect(interacts.handle(display(text("the cell's")))).toBe(false);
  expect([shown(one), shown(two)]).toEqual(["a", "b"]);
});

test("interacts are limited, and the text of others is shown", () => {
  const shownAs = Array.from({ length: 1001 }, (_, at) => {
    interacts.announce(display(announced(`i${at}`)), place);
    return interacts.element(announced(`i${at}`));
  });
  expect(shownAs.indexOf(null)).toBe(1000);
  interacts.remove();
});

test("an interact is failing until it is cleared or removed", async () => {
  const error = { ename: "ZeroDivisionError", evalue: "by zero", traceback: [] };
  await announce("one");
  await announce("two");
  interacts.handle(heard("error", error, "", "one"));
  interacts.handle(heard("error", error, "", "two"));
  expect(failing.size).toBe(2);
  interacts.handle(display(clear(["n"]), "one"));
  expect(failing.size).toBe(1);
  interacts.remove();
  expect(failing.size).toBe(0);
});

// contract: 4.1
test("messages wait until the controls have been loaded", async () => {
  interacts.announce(display(announced("one")), place);
  interacts.handle(display(text("early"), "one"));
  interacts.handle(display({ "application/sage-interact-update": { interact_id: "one" } }));
  await settled();
  expect(shown(interacts.element(announced("one"))!)).toBe("early");
  expect(told).toEqual(["one update"]);
});

// contract: 4.2, 4.3, 4.4, 4.5
test("controls receive the events with their id", async () => {
  await announce("one");
  for (const kind of ["update", "new-control", "del-control", "bookmark"]) {
    const type = `application/sage-interact-${kind}`;
    expect(interacts.handle(display({ [type]: { interact_id: "one" } }, "two"))).toBe(true);
    expect(interacts.handle(display({ [type]: { interact_id: "nobody" } }))).toBe(true);
    expect(interacts.handle(display({ [type]: 7 }))).toBe(true);
  }
  expect(told).toEqual(["one update", "one new-control", "one del-control", "one bookmark"]);
});

// contract: 4.6
test("all controls receive changes of variables", async () => {
  await announce("one");
  await announce("two");
  interacts.handle(display({ "application/sage-interact-variable": { variable: "x" } }));
  expect(told).toEqual(["one variable", "two variable"]);
});

// contract: 4.7
test("a clear takes effect with the next output, or when the kernel is idle", async () => {
  const one = await announce("one");
  interacts.handle(display(text("old"), "one"));
  expect(shown(one)).toBe("old");
  interacts.handle(display(clear(["n"]), "one"));
  expect(shown(one)).toBe("old");
  interacts.handle(display(text("new"), "one"));
  expect(shown(one)).toBe("new");
  interacts.handle(display(clear(null), "one"));
  interacts.flush();
  expect(shown(one)).toBe("");
  expect(told).toEqual(["one cleared n", "one cleared null"]);
});

test("late output of an earlier update is dropped", async () => {
  const one = await announce("one");
  const host = hosts.get("one")!;
  void host.update({ n: 1 }, true);
  void host.update({ n: 2 }, true);
  interacts.handle(display(text("new"), "one", "request-2"));
  interacts.handle(display(clear(["n"]), "one", "request-1"));
  interacts.handle(display(text("stale"), "one", "request-1"));
  interacts.handle(display(text(" from the program"), "one", "somebody"));
  expect(shown(one)).toBe("new from the program");
});

test("an update's files are listed, and it rejects when the kernel ends", async () => {
  await announce("one");
  const host = hosts.get("one")!;
  reply = async () => ({ payload: [{ new_files: ["a.txt"] }] });
  await host.update({}, true);
  expect(files).toEqual(["a.txt"]);
  reply = async () => {
    throw new KernelGone();
  };
  await expect(host.update({}, true)).rejects.toThrow("The program has ended.");
});

test("a nested interact is in the output of the outer one, and removed with it", async () => {
  const one = await announce("one");
  interacts.handle(display(announced("inner"), "one"));
  await settled();
  interacts.handle(display(text("deep"), "inner"));
  expect(shown(one)).toBe("deep");
  interacts.handle(display(clear(null), "one"));
  expect(told).toEqual(["inner remove", "one cleared null"]);
  interacts.handle(display(text("lost"), "inner"));
  interacts.flush();
  expect(shown(one)).toBe("");
});

// contract: 7.5
test("the state is collected and restored in order", async () => {
  saved = [{ state: "then" }];
  await announce("one");
  await announce("two");
  expect([hosts.get("one")!.saved, hosts.get("two")!.saved]).toEqual([{ state: "then" }, null]);
  expect(interacts.kept(place)).toEqual([{ state: "one" }, { state: "two" }]);
  expect(interacts.kept({ ...place })).toEqual([]);
  interacts.removeFrom(place);
  expect(told).toEqual(["one remove", "two remove"]);
  expect(interacts.kept(place)).toEqual([]);
});

test("they end with the kernel", async () => {
  await announce("one");
  interacts.end();
  expect(told).toEqual(["one end"]);
});

test("a sentence replaces controls that cannot be loaded", async () => {
  const reported = reports();
  const broken = new Interacts({
    request: vi.fn(),
    load: async () => {
      throw new TypeError("no network");
    },
  });
  broken.announce(display(announced("one")), place);
  await settled();
  expect(broken.element(announced("one"))!.textContent).toContain("could not be loaded");
  expect(() => broken.handle(display(text("x"), "one"))).not.toThrow();
  expect(reported()).toMatchObject([[expect.anything(), { message: "no network" }]]);
});

test("a sentence replaces controls that throw, and others still work", async () => {
  const reported = reports();
  const broken = new Interacts({
    request: vi.fn(),
    load: async () => ({
      ...module,
      createInteract: (content, host) => {
        if (host.id === "one") throw new Error("a mistake");
        return module.createInteract(content, host);
      },
    }),
  });
  for (const id of ["one", "two"]) {
    broken.announce(display(announced(id)), place);
    broken.handle(display(text(`output of ${id}`), id));
  }
  await settled();
  const [one, two] = ["one", "two"].map((id) => broken.element(announced(id))!);
  expect(one!.textContent).toContain("could not be shown");
  expect([shown(one!), shown(two!)]).toEqual(["output of one", "output of two"]);
  expect(reported()).toMatchObject([[expect.anything(), { message: "a mistake" }]]);
});

test("controls that throw receive the next message, and so do others", async () => {
  const reported = reports();
  const asked: string[] = [];
  const failing = new Interacts({
    request: vi.fn(),
    load: async () => ({
      ...module,
      createInteract: (content, host) => ({
        ...module.createInteract(content, host),
        handle: () => {
          asked.push(host.id);
          throw new Error("a mistake");
        },
      }),
    }),
  });
  for (const id of ["one", "two"]) failing.announce(display(announced(id)), place);
  await settled();
  failing.handle(display({ "application/sage-interact-variable": { variable: "x" } }));
  failing.handle(display({ "application/sage-interact-update": { interact_id: "one" } }));
  expect(asked).toEqual(["one", "two", "one"]);
  expect(reported()).toHaveLength(3);
});

test("an interact that is removed early never creates its controls", async () => {
  interacts.announce(display(announced("one")), place);
  const element = interacts.element(announced("one"))!;
  document.body.append(element);
  interacts.removeFrom(place);
  interacts.removeFrom(place);
  await settled();
  expect([hosts.size, told, element.isConnected]).toEqual([0, [], false]);
  expect(interacts.element(announced("one"))).toBeNull();
});

describe("at rest", () => {
  const again = (id: string, controls: JsonObject = {}) =>
    interacts.renew(display({ "application/sage-interact": { new_interact_id: id, controls } }));

  test("an interact goes on in the kernel that its next update starts, and keeps what it shows", async () => {
    const one = await announce("one");
    interacts.handle(display(text("mine"), "one"));
    interacts.rest();
    interacts.end();
    expect(told).toEqual(["one rest"]);
    wake = async () => {
      again("two");
      interacts.handle(display(text("the beginning's"), "two"));
      interacts.handle(display({ "application/sage-interact-update": { interact_id: "two" } }));
      interacts.resume();
    };
    await hosts.get("one")!.update({ x: 7 }, true);
    expect(asked).toMatchObject([{ interact_id: "two", values: { x: 7 } }]);
    expect(interacts.element(announced("two"))).toBe(one);
    expect(shown(one)).toBe("mine");
    interacts.handle(display(text(" and more"), "two", "request-1"));
    expect(shown(one)).toBe("mine and more");
    await hosts.get("one")!.update({ x: 8 }, true);
    expect([wakes, told]).toEqual([1, ["one rest"]]);
    interacts.removeFrom(place);
    expect(interacts.element(announced("two"))).toBeNull();
  });

  test("several go on in their order; those that the program shows no more end", async () => {
    for (const id of ["one", "two", "three"]) await announce(id);
    interacts.rest();
    again("four");
    again("four");
    again("five", { n: { control_type: "slider" } });
    again("six");
    interacts.resume();
    expect(told).toEqual(["one rest", "two rest", "three rest", "three end"]);
    await hosts.get("two")!.update({}, true);
    expect(asked).toMatchObject([{ interact_id: "six" }]);
  });

  test("a kernel that does not start again leaves them at rest", async () => {
    await announce("one");
    interacts.rest();
    wake = async () => {
      again("two");
      interacts.rest();
      throw new KernelGone();
    };
    await expect(hosts.get("one")!.update({}, true)).rejects.toThrow(KernelGone);
    wake = async () => {
      again("three");
      interacts.resume();
    };
    await hosts.get("one")!.update({}, true);
    expect([wakes, asked]).toMatchObject([2, [{ interact_id: "three" }]]);
  });

  test("only interacts can rest whose controls bring back all that is shown", async () => {
    expect(interacts.canRest).toBe(false);
    await announce("one");
    expect(interacts.canRest).toBe(true);
    interacts.handle(display(announced("inner"), "one"));
    frames.draw();
    await settled();
    expect(interacts.canRest).toBe(false);
  });
});
