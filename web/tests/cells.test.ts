import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import type { MadeCell } from "../src/cell/handle";
import type { CellPlan } from "../src/cell/plan";
import { Terms } from "../src/cell/terms";
import { PageCells } from "../src/cells";
import { Surroundings } from "../src/dom/scheme";
import type { Kernel } from "../src/kernel/kernel";
import { Server } from "../src/kernel/server";
import type { JsonObject } from "../src/protocol/messages";
import { important } from "../vite.config";
import { makeCell, planFor } from "./cell/plans";
import { FakeChannel, FakeClock, FakeFrames, countingIds, said, settled } from "./fakes";
import { eventually } from "./eventually";

const ID = "01234567-89ab-cdef-0123-456789abcdef";

let channels: FakeChannel[];
let frames: FakeFrames;
let asked: string[];
let refusals: Response[];
let accepts: boolean | null;
let cells: PageCells;
let element: HTMLElement;
let clock: FakeClock;

beforeEach(() => {
  channels = [];
  frames = new FakeFrames();
  asked = [];
  refusals = [];
  accepts = true;
  clock = new FakeClock();
  element = document.createElement("div");
  document.body.append(element);
  const terms = new Terms({ fetch: async () => null, storage: () => localStorage });
  vi.spyOn(terms, "ask").mockImplementation(async () => accepts);
  vi.stubGlobal("matchMedia", () => new EventTarget());
  let kernels = 0;
  cells = new PageCells({
    server: new Server({
      fetch: async (address, init) => {
        asked.push(`${init?.method ?? "GET"} ${address}`);
        const id = ID.slice(0, -1) + (kernels += 1).toString(16);
        return refusals.shift() ?? new Response(JSON.stringify({ ws_url: "ws://x/", id }));
      },
      base: "http://cells.test/",
      cellSession: "page",
    }),
    terms,
    openChannel: (address, events) => {
      const channel = new FakeChannel(address, events);
      channels.push(channel);
      return channel;
    },
    clock,
    newId: countingIds(),
    loadEditor: async () => {
      throw new Error("The text area does.");
    },
    copy: async () => undefined,
    nextFrame: frames.next,
    surroundings: new Surroundings(),
  });
});
afterEach(() => {
  vi.unstubAllGlobals();
  document.body.replaceChildren();
  document.body.removeAttribute("style");
});

const make = (wishes: Partial<CellPlan> = {}, at = element): MadeCell =>
  makeCell(cells, planFor(at, { editor: "textarea", ...wishes }), clock);
const find = (selector: string, at = element) => at.querySelector<HTMLElement>(selector)!;
const wait = async () => {
  for (let i = 0; i < 6; i += 1) await settled();
};
const start = async (cell: MadeCell) => {
  cell.evaluate();
  await wait();
  channels.at(-1)!.opens();
};
const says = (type: string, content: JsonObject, at = -1) => {
  const channel = channels.at(at)!;
  channel.says(said(type, content, channel.sent.at(-1)!.msg_id));
};
const done = () => {
  says("execute_reply", { status: "ok" });
  says("status", { execution_state: "idle" });
};

// contract: 8
test("has the classes that pages style or look for", () => {
  make({ languages: ["sage", "r"], hide: new Set() });
  const classes = [
    "input",
    "editor",
    "commands",
    "evalButton",
    "options",
    "language",
    "fullScreen",
    "output_elements",
    "output",
    "messages",
    "sessionContainer",
    "sessionOutput",
    "spinner",
    "poweredBy",
    "sessionFiles",
    "permalink",
  ];
  for (const name of classes) expect(find(`.sagecell_${name}`), name).not.toBeNull();
  expect(element.className).toBe("sagecell");
  expect(find(".sagecell_fullScreen").className).toContain("sagecell_icon-resize-full");
});

// contract: 11.8, 12.8
test("works with books' scripts, and keeps elements beside its button", () => {
  element.className = "ptx-sagecell sage-interact";
  make({ code: "1+1" });
  const evaluate = find(".sagecell_evalButton");
  const own = document.createElement("button");
  evaluate.after(own);
  expect(evaluate.closest(".ptx-sagecell")).toBe(element);
  expect(find("textarea").closest(".sagecell_editor")).toBe(find(".sagecell .sagecell_editor"));
  expect(document.querySelector(".sage-interact.sagecell")).toBe(element);
  expect(find(".sagecell_output .sagecell_sessionOutput")).not.toBeNull();
  evaluate.click();
  expect(evaluate.nextElementSibling).toBe(own);
});

// contract: 7.2
describe.each([
  ["editor", ".sagecell_editor"],
  ["fullScreen", ".sagecell_fullScreen"],
  ["language", ".sagecell_language"],
  ["evalButton", ".sagecell_evalButton"],
  ["output", ".sagecell_output"],
  ["messages", ".sagecell_messages"],
  ["sessionFiles", ".sagecell_sessionFiles"],
  ["permalink", ".sagecell_shareButton"],
])("hide %s", (name, selector) => {
  test("hides it and no other part", () => {
    make({ languages: ["sage", "r"], hide: new Set() });
    expect(find(selector).hidden).toBe(false);
    const other = document.createElement("div");
    document.body.append(other);
    make({ languages: ["sage", "r"], hide: new Set([name, "done", "files"]) }, other);
    expect(find(selector, other).hidden).toBe(true);
    const hidden = (at: HTMLElement) => at.querySelectorAll("[hidden]").length;
    // Without an editor there is nothing to fill the screen with.
    expect(hidden(other) - hidden(element)).toBe(name === "editor" ? 2 : 1);
  });
});

test("input and output may be apart", async () => {
  const output = document.createElement("div");
  document.body.append(output);
  await start(make({ output }));
  says("stream", { name: "stdout", text: "there" });
  frames.draw();
  expect(find(".sagecell_stdout", output).textContent).toBe("there");
  expect(find(".sagecell_output")).toBeNull();
  expect(find(".sagecell_sessionOutput", output).className).toContain("sagecell_active");
  done();
  expect(find(".sagecell_sessionOutput", output).className).not.toContain("sagecell_active");
});

test.each([true, false])("replaceOutput %j", async (replaceOutput) => {
  const cell = make({ replaceOutput });
  for (const text of ["one", "two"]) {
    await start(cell);
    says("stream", { name: "stdout", text });
    done();
    frames.draw();
  }
  const shown = [...element.querySelectorAll(".sagecell_stdout")].map((pre) => pre.textContent);
  expect(shown).toEqual(replaceOutput ? ["two"] : ["one", "two"]);
  expect(channels).toHaveLength(2);
});

// contract: 5.5
test("the program is wrapped in the language that is chosen", async () => {
  const cell = make({ code: "1+1", languages: ["gap", "python"], language: "gap" });
  await start(cell);
  const code = () => channels.at(-1)!.sent[0]!.content["code"];
  expect(code()).toBe('print(gap.eval("""1+1"""))');
  done();
  const select = find(".sagecell_language") as HTMLSelectElement;
  select.value = "python";
  select.dispatchEvent(new Event("change"));
  await start(cell);
  expect(code()).toBe("1+1");
  expect(channels.at(-1)!.sent[0]!.metadata).toEqual({
    language: "python",
    sagecell: { wait: true },
  });
  expect(find("textarea").getAttribute("aria-label")).toBe("Python program of cell 1");
});

test.each([
  [true, false],
  [false, true],
  [null, null],
])("collapse %j", (collapse, isOpen) => {
  make({ collapse });
  const fold = element.querySelector("details");
  expect(fold?.open ?? null).toBe(isOpen);
});

test("debug mode logs every message", async () => {
  const debug = vi.spyOn(console, "debug").mockImplementation(() => undefined);
  await start(make({ isDebug: true, hide: new Set() }));
  says("stream", { name: "stdout", text: "x" });
  expect(debug).toHaveBeenCalledOnce();
  expect(find(".sagecell_messages").textContent).toContain('"type":"stream"');
});

test("cells that share a kernel which gives way are told that the variables are gone", async () => {
  const others = Array.from({ length: 6 }, () => {
    const cell = document.createElement("div");
    document.body.append(cell);
    return cell;
  });
  const linked = others.slice(0, 5).map((each, index) => make({ linkKey: `k${index}` }, each));
  for (const cell of linked) {
    await start(cell);
    done();
  }
  make({}, others[5]).evaluate();
  await wait();
  expect(find(".sagecell_status", others[5]).dataset["state"]).toBe("waiting");
  clock.advance(1);
  await wait();
  expect(find(".sagecell_status", others[5]).dataset["state"]).toBe("starting");
  const warnings = others.map((each) => find(".sagecell_warning", each).textContent !== "");
  expect(warnings).toEqual([true, false, false, false, false, false]);
  await start(linked[0]!);
  expect(find(".sagecell_warning", others[0]).textContent).toBe("");
});

describe("linked cells", () => {
  let places: HTMLElement[];
  let linked: MadeCell[];
  beforeEach(() => {
    places = [element, document.createElement("div"), document.createElement("div")];
    document.body.append(...places);
    linked = places.map((at) => make({ linkKey: "k" }, at));
  });
  const evaluate = async (index: number) => {
    linked[index]!.evaluate();
    await wait();
    if (channels.at(-1)!.sent.length === 0) channels.at(-1)!.opens();
    await wait();
  };
  const warnings = () => places.map((at) => find(".sagecell_warning", at).textContent);
  const notices = () =>
    places.map((at) => find(".sagecell_lost p", at).textContent.includes("of the cells above"));
  const outputs = () => {
    frames.draw();
    return places.map((at) => find(".sagecell_sessionOutput", at).textContent);
  };
  const prints = (text: string, request: number) =>
    channels[0]!.says(said("stream", { name: "stdout", text }, channels[0]!.sent[request]!.msg_id));

  test("late output is shown in the cell that caused it, until that is evaluated again", async () => {
    await evaluate(0);
    prints("0 ", 0);
    done();
    prints("late 0 ", 0);
    await evaluate(1);
    prints("1 ", 1);
    prints("later 0", 0);
    expect(outputs()).toEqual(["0 late 0 later 0", "1 ", ""]);
    done();
    await evaluate(0);
    prints("of no cell", 0);
    prints("again", 2);
    expect(outputs()).toEqual(["again", "1 ", ""]);
  });

  test("late output may clear what is there, and release its height", async () => {
    await evaluate(0);
    prints("0", 0);
    done();
    expect(outputs()[0]).toBe("0");
    says("clear_output", { wait: true });
    prints("1", 0);
    expect(outputs()[0]).toBe("1");
    await wait();
    frames.draw();
    await wait();
    const { parentElement } = find(".sagecell_sessionOutput");
    expect(parentElement!.style.minHeight).toBe("");
  });

  test("a display is updated where it stands, whichever cell updates it", async () => {
    const bundle = (words: string) => ({
      data: { "text/plain": words },
      transient: { display_id: "k" },
    });
    await evaluate(0);
    says("display_data", bundle("old"));
    done();
    await evaluate(1);
    says("display_data", bundle("old too"));
    expect(outputs()).toEqual(["old", "old too", ""]);
    says("update_display_data", bundle("new"));
    expect(outputs()).toEqual(["new", "new", ""]);
    done();
    says("update_display_data", bundle("late"));
    expect(outputs()).toEqual(["late", "late", ""]);
  });

  test("the warning and the end of their kernel are shown in each, and the next says what is gone", async () => {
    await evaluate(0);
    done();
    await evaluate(1);
    done();
    const warning = { reason: "idle", seconds: 60, message: "It ends soon." };
    channels[0]!.says(said("sagecell_warning", warning));
    expect(warnings()).toEqual(["It ends soon.", "It ends soon.", ""]);
    const dead = { execution_state: "dead", reason: "idle", message: "It was idle." };
    channels[0]!.says(said("status", dead));
    const end = "It was idle. The variables are gone.";
    expect(warnings()).toEqual([end, end, ""]);
    expect(notices()).toEqual([false, false, false]);
    await evaluate(2);
    expect(notices()).toEqual([false, false, true]);
    done();
    find(".sagecell_again", places[2]).click();
    await wait();
    done();
    await wait();
    done();
    await wait();
    expect(channels[1]!.sent).toHaveLength(4);
    expect(warnings()).toEqual(["", "", ""]);
    expect(notices()).toEqual([false, false, false]);
    expect(document.activeElement).toBe(find(".sagecell_evalButton", places[2]));
  });

  test("a cell whose program ends the kernel says so itself, and is not run again", async () => {
    await evaluate(0);
    done();
    await evaluate(1);
    const dead = { execution_state: "dead", reason: "memory", message: "Too much memory." };
    channels[0]!.says(said("status", dead));
    expect(warnings()).toEqual(["Too much memory. The variables are gone.", "", ""]);
    expect(find(".sagecell_status", places[1]).dataset["state"]).toBe("ended");
    await evaluate(2);
    expect(notices()).toEqual([false, false, true]);
    done();
    find(".sagecell_again", places[2]).click();
    await wait();
    done();
    await wait();
    expect(channels[1]!.sent).toHaveLength(3);
  });

  test("the first cell misses nothing, nor does one whose cells above were evaluated", async () => {
    await evaluate(0);
    done();
    await evaluate(1);
    done();
    channels[0]!.ends("lost", "The connection was cut.");
    expect(warnings()[0]).toBe("The connection was cut. The variables are gone.");
    await evaluate(0);
    expect(notices()).toEqual([false, false, false]);
    done();
    await evaluate(1);
    expect(notices()).toEqual([false, false, false]);
  });

  test("a page that comes back from the browser's cache says so too", async () => {
    await evaluate(0);
    done();
    cells.leave();
    await evaluate(1);
    expect(notices()).toEqual([false, true, false]);
  });

  test("a cell that was disposed is not run again", async () => {
    await evaluate(0);
    done();
    linked[0]!.dispose();
    channels[0]!.ends();
    await evaluate(1);
    expect(find(".sagecell_lost p", places[1]).textContent).toBe("");
  });
});

test("a cell of its own asks to wait for what its program leaves running, linked ones do not", async () => {
  const other = document.createElement("div");
  document.body.append(other);
  await start(make());
  await start(make({ linkKey: "k" }, other));
  const [alone, shared] = channels.map(({ sent }) => sent[0]!.metadata["sagecell"]);
  expect([alone, shared]).toEqual([{ wait: true }, undefined]);
});

test("late output beside an interact is shown, and its end changes nothing", async () => {
  const cell = make();
  await start(cell);
  const data = { "application/sage-interact": { new_interact_id: "i1", controls: {}, layout: [] } };
  says("display_data", { data });
  done();
  says("stream", { name: "stdout", text: "late" });
  frames.draw();
  expect(find(".sagecell_stdout").textContent).toBe("late");
  channels[0]!.says(said("status", { execution_state: "dead", message: "It was idle." }));
  expect(find(".sagecell_warning").textContent).toBe("");
});

test("linked cells share one kernel", async () => {
  const other = document.createElement("div");
  document.body.append(other);
  const [one, two] = [make({ linkKey: "k" }), make({ linkKey: "k" }, other)];
  await start(one);
  two.evaluate();
  done();
  await wait();
  expect(asked).toHaveLength(1);
  expect(asked[0]).toMatch(/^POST .*CellSessionID=page&timeout=inf/);
  expect(channels[0]!.sent).toHaveLength(2);
  expect(one.session.kernel).toBe(two.session.kernel);
});

// contract: 7.8, 1.7
test.each([
  [true, "running", 2],
  [false, "refused", 1],
  [null, "refused", 1],
])("a server with terms: accepted %j", async (answer, state, requests) => {
  accepts = answer;
  refusals = [new Response(null, { status: 403 })];
  const cell = make();
  cell.evaluate();
  await wait();
  channels.at(-1)?.opens();
  expect(find(".sagecell_status").dataset["state"]).toBe(state);
  expect(asked).toHaveLength(requests);
});

// contract: 1.8
test("too many kernels: the server's sentence is shown", async () => {
  const body = '{"error":"too_many_kernels_for_cell_session","message":"Close some cells."}';
  refusals = [new Response(body, { status: 429 })];
  make().evaluate();
  await wait();
  expect(find(".sagecell_status").textContent).toContain("Close some cells.");
});

// contract: 1.8
test("cells of a page take turns, and wait for those that it has ended", async () => {
  const at = Array.from({ length: 7 }, () => {
    const cell = document.createElement("div");
    document.body.append(cell);
    return cell;
  });
  const all = at.map((each) => make({}, each));
  const states = () => at.map((each) => find(".sagecell_status", each).dataset["state"]);
  const starts = () => asked.filter((line) => line.startsWith("POST")).length;
  for (const cell of all) cell.evaluate();
  await wait();
  expect(states()).toEqual([...Array<string>(5).fill("starting"), "waiting", "waiting"]);
  expect(find(".sagecell_status", at[6]).textContent).toContain("2nd in line");
  channels[1]!.opens();
  says("status", { execution_state: "dead" }, 1);
  await wait();
  expect([starts(), states()[5]]).toEqual([6, "starting"]);
  all[0]!.dispose();
  await wait();
  expect(starts()).toBe(7);
});

// contract: 1.8
test("the longest unused interact rests for another cell, and starts again from its controls", async () => {
  const slider = {
    control_type: "slider",
    subtype: "continuous",
    range: [0, 9],
    step: 1,
    default: 1,
  };
  const at = Array.from({ length: 6 }, () => {
    const cell = document.createElement("div");
    document.body.append(cell);
    return cell;
  });
  const all = at.map((each) => make({ code: "f()" }, each));
  const shows = (id: string) => {
    const layout = [[["n", 1]], [["_output", 1]]];
    const interact = { new_interact_id: id, controls: { n: slider }, layout, locations: null };
    says("display_data", { data: { "application/sage-interact": interact } });
  };
  for (const [index, cell] of all.entries()) {
    await start(cell);
    shows(`i${index}`);
    done();
    frames.draw();
    await eventually(() => expect(find("input", at[index])).not.toBeNull());
  }
  const starts = () => asked.filter((line) => line.startsWith("POST")).length;
  const ends = () => asked.filter((line) => line.startsWith("DELETE"));
  expect([starts(), ends()]).toEqual([6, [`DELETE http://cells.test/kernel/${ID.slice(0, -1)}1`]]);
  expect(channels.map(({ isClosed }) => isClosed)).toEqual([
    true,
    ...Array<boolean>(5).fill(false),
  ]);
  const note = () => find(".sagecell_interactNote", at[0]).textContent;
  const status = () => find(".sagecell_status", at[0]).dataset["state"];
  expect([note(), status()]).toEqual([expect.stringContaining("resting"), "done"]);
  const range = find("input", at[0]) as HTMLInputElement;
  range.value = "7";
  range.dispatchEvent(new Event("input", { bubbles: true }));
  await wait();
  channels.at(-1)!.opens();
  expect([starts(), ends().length, status()]).toEqual([7, 2, "running"]);
  expect(channels.at(-1)!.sent[0]!.content["code"]).toBe("f()");
  shows("again");
  says("stream", { name: "stdout", text: "said again" });
  done();
  await wait();
  frames.draw();
  const update = channels.at(-1)!.sent.at(-1)!;
  expect(update.content).toMatchObject({ interact_id: "again", values: { n: 7 } });
  expect([status(), find("input", at[0]) === range]).toEqual(["done", true]);
  expect(find(".sagecell_stdout", at[0])).toBeNull();
});

describe("Evaluate on a cell with an interact", () => {
  const slider = { control_type: "slider", range: [0, 9], step: 1, default: 1 };
  const shows = (id: string) => {
    const layout = [[["n", 1]], [["_output", 1]]];
    const interact = { new_interact_id: id, controls: { n: slider }, layout, locations: null };
    says("display_data", { data: { "application/sage-interact": interact } });
  };
  const range = () => find("input") as HTMLInputElement;
  const drag = async (value: string) => {
    range().value = value;
    range().dispatchEvent(new Event("input", { bubbles: true }));
    await wait();
  };
  const note = () => find(".sagecell_interactNote").textContent;
  const status = () => find(".sagecell_status").dataset["state"];
  const kernels = (method: string) => asked.filter((line) => line.startsWith(method)).length;
  const away = () => [new Response(null), new Response("<html>", { status: 502 })];

  let cell: MadeCell;
  beforeEach(async () => {
    cell = make({ code: "f()" });
    await start(cell);
    says("stream", { name: "stdout", text: "old" });
    shows("i1");
    done();
    frames.draw();
    await eventually(() => expect(range()).not.toBeNull());
  });

  test("keeps output and controls while the server is away, and replaces them when it answers", async () => {
    const before = range();
    refusals = away();
    cell.evaluate();
    await wait();
    expect([status(), kernels("DELETE")]).toEqual(["away", 1]);
    expect([find(".sagecell_stdout").textContent, range() === before, note()]).toEqual([
      "old",
      true,
      "",
    ]);
    expect(cell.interacts).toMatchObject([{ state: { n: 1 } }]);
    clock.advance(1);
    await wait();
    expect([status(), range() === before]).toEqual(["starting", true]);
    channels.at(-1)!.opens();
    expect([status(), range(), cell.interacts]).toEqual(["running", null, []]);
    shows("i2");
    done();
    frames.draw();
    await eventually(() => expect(range()).not.toBeNull());
    expect([kernels("DELETE"), cell.interacts.length]).toEqual([1, 1]);
  });

  test("leaves controls that start again if it is given up", async () => {
    const before = range();
    refusals = away();
    cell.evaluate();
    await wait();
    find(".sagecell_stopButton").click();
    expect([status(), note()]).toEqual(["stopped", expect.stringContaining("resting")]);
    await drag("7");
    channels.at(-1)!.opens();
    shows("again");
    done();
    await wait();
    expect(channels.at(-1)!.sent.at(-1)!.content).toMatchObject({
      interact_id: "again",
      values: { n: 7 },
    });
    expect([range() === before, cell.interacts]).toEqual([true, [expect.anything()]]);
  });

  test("ends controls that cannot start again only if it is given up", async () => {
    await start(cell);
    says("comm_open", { comm_id: "c", target_name: "matplotlib", data: {} });
    shows("i2");
    done();
    frames.draw();
    await eventually(() => expect(range()).not.toBeNull());
    const refuse = () => new Response('{"error":"busy","message":"Not now."}', { status: 400 });
    refusals = [new Response(null), refuse()];
    for (const isOver of [false, true]) {
      cell.evaluate();
      expect(range().disabled).toBe(isOver);
      await wait();
      expect([status(), range().disabled]).toEqual(["refused", true]);
      refusals = [refuse()];
    }
    refusals = [];
    await start(cell);
    expect(range()).toBeNull();
    cell.dispose();
    expect(kernels("DELETE")).toBe(3);
  });

  test("takes its place on a full page: no other interact rests for it", async () => {
    const others = Array.from({ length: 4 }, () => {
      const other = document.createElement("div");
      document.body.append(other);
      return other;
    });
    for (const [index, other] of others.entries()) {
      await start(make({}, other));
      shows(`o${index}`);
      done();
    }
    cell.evaluate();
    await wait();
    expect([kernels("POST"), kernels("DELETE")]).toEqual([6, 1]);
  });
});

// contract: 1.8
test("a cell that is refused waits as long as the server says, and asks again", async () => {
  const body = '{"error":"too_many_kernels_for_address","message":"Too many."}';
  refusals = [new Response(body, { status: 429, headers: { "Retry-After": "5" } })];
  make().evaluate();
  await wait();
  expect(find(".sagecell_status").textContent).toBe("Waiting: 1st in line, about 5 s");
  clock.advance(5);
  await wait();
  expect([asked.length, channels.length]).toEqual([2, 1]);
});

test("a cell that is removed while its kernel starts stops it", async () => {
  const cell = make();
  cell.evaluate();
  element.remove();
  await wait();
  channels.at(-1)!.opens();
  const types = channels.at(-1)!.sent.map(({ msg_type }) => msg_type);
  expect(types.filter((type) => type === "execute_request").length).toBeLessThanOrEqual(1);
  expect(types.at(-1)).toBe("interrupt_request");
});

test("a silent cell that is removed is stopped, and its controls' kernel ended", async () => {
  const cell = make();
  await start(cell);
  element.remove();
  clock.advance(1);
  expect(channels[0]!.sent.map(({ msg_type }) => msg_type).at(-1)).toBe("interrupt_request");
  document.body.append(element);
  done();
  await start(cell);
  done();
  const ends = () => asked.filter((line) => line.startsWith("DELETE")).length;
  const before = ends();
  clock.advance(10);
  expect(ends()).toBe(before);
  element.remove();
  clock.advance(1);
  expect(ends()).toBe(before + 1);
  // `Presence` has no timer left.
  clock.advance(1);
  expect(clock.pending).toBe(0);
});

test("a cell that is removed ends its kernel, but not a shared one", async () => {
  const alone = make();
  await start(alone);
  alone.dispose();
  expect(asked.filter((line) => line.startsWith("DELETE"))).toHaveLength(1);
  expect(element.childElementCount).toBe(0);
  const shared = make({ linkKey: "k" });
  await start(shared);
  done();
  shared.dispose();
  expect(asked.filter((line) => line.startsWith("DELETE"))).toHaveLength(1);
});

test("a cell that a page takes out while its theme changes follows when it is back", async () => {
  const scheme = () => element.style.getPropertyValue("--sagecell-scheme");
  const cell = make();
  document.body.style.backgroundColor = "white";
  await eventually(() => expect(scheme()).toBe("light"));
  element.remove();
  document.body.style.backgroundColor = "black";
  await new Promise((resolve) => setTimeout(resolve));
  expect(scheme()).toBe("light");
  document.body.append(element);
  await eventually(() => expect(scheme()).toBe("dark"));
  cell.dispose();
  document.body.style.backgroundColor = "white";
  await new Promise((resolve) => setTimeout(resolve));
  expect(scheme()).toBe("dark");
});

test("a cell that is disposed leaves nothing on the page, on the clock or with a shared kernel", async () => {
  const other = document.createElement("div");
  document.body.append(other);
  const [cell, rest] = [make({ linkKey: "k" }), make({ linkKey: "k" }, other)];
  await start(cell);
  const data = { "application/sage-interact": { new_interact_id: "i1", controls: {}, layout: [] } };
  says("display_data", { data });
  says("comm_open", { comm_id: "c", target_name: "matplotlib", data: {} });
  frames.draw();
  await eventually(() => expect(find(".sagecell_interactContainer")).not.toBeNull());
  const kernel = cell.session.kernel as Kernel;
  expect(kernel.interacts.element(data)).not.toBeNull();
  cell.dispose();
  cell.dispose();
  cell.evaluate();
  expect(element.childElementCount).toBe(0);
  expect(kernel.interacts.element(data)).toBeNull();
  expect([cell.interacts, cell.session.kernel]).toEqual([[], null]);
  const { sent } = channels[0]!;
  const types = () => sent.map(({ msg_type }) => msg_type);
  expect(types()).toEqual(["execute_request", "interrupt_request", "comm_close"]);
  const id = sent[0]!.msg_id;
  channels[0]!.says(said("stream", { name: "stdout", text: "late" }, id));
  channels[0]!.says(said("execute_reply", { status: "error" }, id));
  channels[0]!.says(said("status", { execution_state: "idle" }, id));
  expect(clock.pending).toBe(0);
  rest.evaluate();
  await wait();
  expect(types().at(-1)).toBe("execute_request");
  expect(rest.session.kernel).toBe(kernel);
});

test("kernels whose controls are still shown end with their cell", async () => {
  const cell = make({ replaceOutput: false });
  for (let i = 0; i < 2; i += 1) {
    await start(cell);
    done();
  }
  const ends = () => asked.filter((line) => line.startsWith("DELETE"));
  expect(ends()).toHaveLength(0);
  cell.dispose();
  cell.dispose();
  expect(new Set(ends()).size).toBe(2);
  expect(channels.map(({ isClosed }) => isClosed)).toEqual([true, true]);
  expect(clock.pending).toBe(0);
});

// contract: 7.5
test("an interact is shown in its cell until the cell evaluates again", async () => {
  const cell = make();
  await start(cell);
  const interact = { new_interact_id: "i1", controls: {}, layout: [], locations: null };
  says("display_data", { data: { "application/sage-interact": interact } });
  frames.draw();
  await eventually(() => expect(find(".sagecell_interactContainer")).not.toBeNull());
  expect(cell.interacts).toHaveLength(1);
  done();
  await start(cell);
  frames.draw();
  expect(find(".sagecell_interactContainer")).toBeNull();
  expect(cell.interacts).toHaveLength(0);
});

test("a comm that is opened in an interact is shown there", async () => {
  await start(make());
  const layout = [[["_output", 1]]];
  const interact = { new_interact_id: "i1", controls: {}, layout, locations: null };
  says("display_data", { data: { "application/sage-interact": interact } });
  frames.draw();
  const opened = { comm_id: "c", target_name: "graphicswidget", data: { filename: "a.png" } };
  const channel = channels[0]!;
  const message = said("comm_open", opened, channel.sent[0]!.msg_id);
  channel.says({ ...message, metadata: { interact_id: "i1" } });
  frames.draw();
  await eventually(() =>
    expect(find(".sagecell_interactOutput .sagecell_comm img")).not.toBeNull(),
  );
});

// contract: 8
test("sagecell_embed.css overrides all rules of a page, except keyframes", () => {
  const sheet = important(
    "a{color:red;b &{top:0}}@media print{c{left:0 !important}}@keyframes k{to{top:0}}" +
      "@property --x{syntax:'*';inherits:true}",
  );
  expect(sheet.replace(/\s/g, "")).toBe(
    "a{color:red!important;b&{top:0!important}}@mediaprint{c{left:0!important}}" +
      "@keyframesk{to{top:0}}@property--x{syntax:'*';inherits:true}",
  );
});

// contract: 4.21
test("a figure finds the script that its program loads later", async () => {
  const figure = class {
    constructor(_id: string, _socket: unknown, _download: unknown, box: HTMLElement) {
      box.append("drawn");
    }
  };
  // Scripts see jsdom's window, and the page's modules another one.
  const ran = () => Object.assign(window, { mpl: { figure } });
  document.addEventListener("ran", ran, { once: true });
  const script = "document.dispatchEvent(new Event('ran'))";
  await start(make({ scripts: "page" }));
  says("comm_open", { comm_id: "c", target_name: "matplotlib", data: { id: "figure" } });
  frames.draw();
  says("display_data", { data: { "application/javascript": script } });
  done();
  const shown = () => find(".sagecell_figure").textContent;
  await eventually(() => expect(shown()).toContain("no viewer for"));
  frames.draw();
  await eventually(() => expect(shown()).toBe("drawn"));
  delete (window as { mpl?: unknown }).mpl;
});

test.each([
  ["none", "caught"],
  ["frame", ""],
] as const)("with scripts %s, what a widget captures is shown: %j", async (scripts, shown) => {
  await start(make({ scripts }));
  const request = channels.at(-1)!.sent.at(-1)!.msg_id;
  const state = { _model_module: "@jupyter-widgets/output", msg_id: request };
  says("comm_open", { comm_id: "o", target_name: "jupyter.widget", data: { state } });
  says("stream", { name: "stdout", text: "caught" });
  done();
  frames.draw();
  expect(find(".sagecell_sessionOutput").textContent).toBe(shown);
});
