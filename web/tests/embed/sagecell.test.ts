import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import type { MadeCell } from "../../src/cell/handle";
import type { CellPlan } from "../../src/cell/plan";
import { type Cells, makeNames } from "../../src/embed/sagecell";
import { FakeClock, settled } from "../fakes";

class World implements Cells {
  readonly plans: CellPlan[] = [];
  readonly log: string[] = [];
  isBroken = false;
  loads = 0;
  editors = 0;
  readonly looks: (() => void)[] = [];
  dressing: Promise<void> = Promise.resolve();
  parsed: (() => void)[] | null = null;
  readonly clock = new FakeClock();
  readonly sagecell = makeNames({
    load: async () => {
      this.loads += 1;
      if (this.isBroken) throw new TypeError("no network");
      return this;
    },
    preloadEditor: () => (this.editors += 1),
    dress: () => this.dressing,
    whenParsed: (act) => (this.parsed === null ? act() : void this.parsed.push(act)),
    whileParsing: (look) => void this.looks.push(look),
    clock: this.clock,
  }) as Record<string, any>;

  make(plan: CellPlan): MadeCell {
    this.plans.push(plan);
    const at = this.plans.length;
    return {
      evaluate: () => this.log.push(`evaluate ${at}`),
      dispose: () => this.log.push(`remove ${at}`),
      focus: () => undefined,
      interacts: [{ at }],
      session: { linked: plan.linkKey !== null, code: "", kernel: { id: `k${at}` } },
    };
  }

  async makes(wishes: object): Promise<any> {
    const info = this.sagecell["makeSagecell"](wishes);
    await settled();
    return info;
  }
}

let world: World;

beforeEach(() => {
  world = new World();
  document.body.innerHTML =
    "<div id=one class=c>1</div><div id=two class=c>2</div><div id=out></div>";
});

afterEach(() => document.body.replaceChildren());

const plan = () => world.plans[0]!;

// contract: 7.5
test("the handle exists at once, and is filled when the cell is made", async () => {
  const info = world.sagecell["makeSagecell"]({ inputLocation: "#one", evalButtonText: "Go" });
  expect(info).toMatchObject({ evalButtonText: "Go", editor: "codemirror" });
  expect(info).toMatchObject({ session: null, interacts: [] });
  expect(info.editorData.getValue()).toBe("1");
  const event = new Event("click", { cancelable: true });
  expect(info.submit(event)).toBe(false);
  expect(event.defaultPrevented).toBe(true);
  await settled();
  expect(info).toMatchObject({ interacts: [{ at: 1 }] });
  expect(info.session.kernel.id).toBe("k1");
  expect(info.inputLocation).toBe(document.getElementById("one"));
  expect(info.outputLocation).toBe(info.inputLocation);
  expect(info.outputLocation.sagecell_session).toBe(info.session);
  expect(world.log).toEqual(["evaluate 1"]);
});

test("many cells are made in slices, between which the page reacts; those that are deleted meanwhile, too", async () => {
  vi.spyOn(world.clock, "now").mockImplementation(() => 0.006 * world.plans.length);
  document.body.innerHTML = "<div class=c>1</div>".repeat(5);
  const info = world.sagecell["makeSagecell"]({
    inputLocation: ".c:not(:last-child)",
    autoeval: true,
  });
  await world.makes({ inputLocation: ".c:last-child", autoeval: true });
  expect(world.plans).toHaveLength(2);
  world.sagecell["deleteSagecell"](info);
  expect(document.querySelectorAll(".c")).toHaveLength(5);
  for (const count of [4, 5]) {
    world.clock.advance(0);
    await settled();
    expect(world.plans).toHaveLength(count);
  }
  const done = (word: string, ...numbers: number[]) => numbers.map((at) => `${word} ${at}`);
  expect(world.log.filter((line) => line.startsWith("evaluate"))).toEqual(
    done("evaluate", 1, 2, 3, 4, 5),
  );
  expect(world.log.filter((line) => line.startsWith("remove"))).toEqual(done("remove", 1, 2, 3, 4));
  expect(document.querySelectorAll(".c")).toHaveLength(1);
});

test("every option reaches the cell, with defaults for the others", async () => {
  await world.makes({ inputLocation: "#one" });
  expect(plan()).toMatchObject({
    code: "1",
    editor: "codemirror",
    evalButtonText: "Evaluate",
    isDebug: false,
    replaceOutput: true,
    languages: ["sage"],
    language: "sage",
    linkKey: null,
    autoeval: false,
    interacts: [],
    collapse: null,
    scripts: "page",
    keep: true,
    completeWhileTyping: false,
    permalink: false,
    permalinkId: "",
    hint: "",
  });
  await world.makes({
    inputLocation: document.getElementById("two"),
    outputLocation: "#out",
    editor: "textarea",
    evalButtonText: "Évaluer (R)",
    hide: ["fullScreen"],
    mode: "debug",
    replaceOutput: false,
    languages: ["r", "octave"],
    defaultLanguage: "octave",
    code: "x",
    interacts: [{ state: {} }],
    collapse: true,
    scripts: false,
    keep: false,
    completeWhileTyping: 1,
  });
  expect(world.plans[1]).toMatchObject({
    output: document.getElementById("out"),
    code: "x",
    editor: "textarea",
    evalButtonText: "Évaluer (R)",
    isDebug: true,
    replaceOutput: false,
    language: "octave",
    interacts: [{ state: {} }],
    collapse: true,
    scripts: "none",
    keep: false,
    completeWhileTyping: true,
  });
});

test("a page hears of the permalinks that it asks for; its mistakes are its own", async () => {
  const heard: unknown[] = [];
  await world.makes({
    inputLocation: "#one",
    permalink: true,
    permalinkId: "a",
    onPermalink: (...link: unknown[]) => heard.push(link),
  });
  expect(plan()).toMatchObject({ permalink: true, permalinkId: "a" });
  plan().onPermalink("b", "http://cells.test/?q=b");
  expect(heard).toEqual([["b", "http://cells.test/?q=b"]]);
  await world.makes({ inputLocation: "#two", permalink: true, onPermalink: 7 });
  expect(() => world.plans[1]!.onPermalink("b", "")).not.toThrow();
});

// contract: 7.3
describe("several elements", () => {
  test("become one cell each", async () => {
    const info = await world.makes({ inputLocation: ".c" });
    expect(world.plans.map(({ code }) => code)).toEqual(["1", "2"]);
    expect(info.array.map((one: any) => one.session.kernel.id)).toEqual(["k1", "k2"]);
    info.submit();
    await settled();
    expect(world.log).toEqual(["evaluate 1", "evaluate 2"]);
  });

  test("do not run by themselves when they are linked without a key", async () => {
    await world.makes({ inputLocation: ".c", linked: true, autoeval: true });
    expect(world.log).toEqual([]);
    document.body.innerHTML = "<p class=d>1</p><p class=d>2</p>";
    await world.makes({ inputLocation: ".d", linkKey: "k", autoeval: true });
    expect(world.log).toEqual(["evaluate 3", "evaluate 4"]);
  });

  test("are skipped if they are cells already; later ones are not", async () => {
    await world.makes({ inputLocation: ".c" });
    await world.makes({ inputLocation: ".c" });
    expect(world.plans).toHaveLength(2);
    document.body.insertAdjacentHTML("beforeend", "<div class=c>3</div>");
    await world.makes({ inputLocation: ".c" });
    expect(world.plans.map(({ code }) => code)).toEqual(["1", "2", "3"]);
  });

  // contract: 12.4
  test("are not those that cells have made for themselves", async () => {
    world.sagecell["makeSagecell"]({ inputLocation: "#one" });
    await world.makes({ inputLocation: "div" });
    expect(world.plans.map(({ input }) => input.id)).toEqual(["one", "two", "out"]);
  });

  test("may be missing", async () => {
    const callback = vi.fn();
    const info = await world.makes({ inputLocation: ".nowhere", callback });
    expect(info.array).toEqual([]);
    expect(callback).toHaveBeenCalledWith();
    expect(world.loads).toBe(0);
  });
});

// contract: 7.4
test.each([
  [1, true],
  ["True", true],
  [true, true],
  [0, false],
  ["", false],
  [null, false],
])("autoeval %j runs: %j", async (autoeval, runs) => {
  await world.makes({ inputLocation: "#one", autoeval });
  expect(world.log.length > 0).toBe(runs);
});

describe("links", () => {
  test("are by key across calls, or within a call", async () => {
    document.body.innerHTML = "<p></p>".repeat(6);
    const [a, b, c, d, e, f] = document.querySelectorAll("p");
    await world.makes({ inputLocation: a, linkKey: "k" });
    await world.makes({ inputLocation: b, linkKey: "k", linked: false });
    await world.makes({ inputLocation: [c, d], linked: true });
    await world.makes({ inputLocation: e, linked: true });
    await world.makes({ inputLocation: f });
    const keys = world.plans.map(({ linkKey }) => linkKey);
    expect(keys[0]).toBe(keys[1]);
    expect(keys[2]).toBe(keys[3]);
    expect(new Set(keys).size).toBe(4);
    expect(keys[5]).toBeNull();
    expect(world.plans[0]!.hide).toContain("permalink");
    expect(world.sagecell["kernels"]).toHaveLength(4);
    expect(world.sagecell["kernels"][0]).toEqual({ id: "k1" });
    expect({ ...world.sagecell["linkKeys"] }).toEqual({ k: 0 });
  });

  test("with a key that looks like a call's number are separate", async () => {
    await world.makes({ inputLocation: "#one", linkKey: "1" });
    await world.makes({ inputLocation: "#two", linked: true });
    expect(world.plans[0]!.linkKey).not.toBe(world.plans[1]!.linkKey);
  });
});

// contract: 7.5
test("a page finds its cells as soon as it is parsed, and sees them with their style", async () => {
  let dress: () => void = () => undefined;
  world.dressing = new Promise((resolve) => (dress = resolve));
  world.parsed = [];
  const info = world.sagecell["makeSagecell"]({ inputLocation: ".c", autoeval: true });
  for (const act of world.parsed) act();
  expect(document.querySelectorAll(".c.sagecell .sagecell_evalButton")).toHaveLength(2);
  expect(info.array.map((one: any) => one.editorData.getValue())).toEqual(["1", "2"]);
  document.querySelector<HTMLElement>("#two .sagecell_evalButton")!.click();
  await settled();
  const input = document.querySelector<HTMLElement>("#two .sagecell_input")!;
  expect([input.style.visibility, world.plans.length]).toEqual(["hidden", 0]);
  dress();
  await settled();
  expect([input.style.visibility, world.plans.length]).toEqual(["", 2]);
});

test("while the page is being parsed, the height of its cells is kept free", async () => {
  world.parsed = [];
  world.sagecell["makeSagecell"]({ inputLocation: ".c" });
  const one = document.getElementById("one")!;
  const before = one.outerHTML;
  document.getElementById("two")!.remove();
  document.getElementById("out")!.remove();
  const look = () => world.looks.forEach((each) => each());
  look();
  expect(one.outerHTML).toBe(before); // The parser may still be within it.
  document.body.append("later");
  look();
  look();
  expect([one.className, one.style.visibility]).toEqual(["c sagecell", "hidden"]);
  expect(one.style.height).toContain("em");
  for (const act of world.parsed) act();
  expect(one.getAttribute("style")).toBe("");
  expect(one.querySelector(".sagecell_evalButton")).not.toBeNull();
  await settled();
});

test.each([
  ["below a program that evaluates itself", { autoeval: true }, "calc(7.77em)"],
  ["elsewhere", { autoeval: true, outputLocation: "#out" }, "3em"],
  ["of a program that waits to be asked", {}, "3em"],
])("so is that of an output %s", (_name, options, expected) => {
  world.parsed = [];
  world.sagecell["makeSagecell"]({ inputLocation: "#one", hide: ["editor"], ...options });
  world.looks.forEach((look) => look());
  expect(document.getElementById("one")!.style.height).toBe(expected);
});

test("a cell that was stopped before it was there does not evaluate itself", async () => {
  const made = world.makes({ inputLocation: "#one", autoeval: true });
  document.querySelector<HTMLElement>("#one .sagecell_stopButton")!.click();
  await made;
  expect(world.log).toEqual([]);
});

test("what a cell needs is loaded as soon as its element has been parsed", async () => {
  world.parsed = [];
  world.sagecell["makeSagecell"]({ inputLocation: "#later", hide: ["editor"] });
  world.sagecell["makeSagecell"]({ inputLocation: "#later", editor: "textarea" });
  world.sagecell["makeSagecell"]({ inputLocation: "#last" });
  const look = () => world.looks.forEach((each) => each());
  look();
  expect(world.loads).toBe(0);
  document.body.insertAdjacentHTML("beforeend", "<div id=later></div><p></p>");
  world.isBroken = true; // shown when the cell is made
  look();
  await settled();
  expect([world.loads, world.editors]).toEqual([1, 0]);
  document.body.insertAdjacentHTML("beforeend", "<div id=last></div><p></p>");
  look();
  look();
  await settled();
  expect([world.loads, world.editors]).toEqual([1, 1]);
  for (const act of world.parsed) act();
  await settled();
  expect(document.querySelectorAll("[role=alert]").length).toBeGreaterThan(0);
});

// contract: T3
test("an input form is moved away and restored to its place", async () => {
  const info = await world.makes({ inputLocation: "#one" });
  const form = document.querySelector("#one .sagecell_input")!;
  const { moveInputForm, restoreInputForm } = world.sagecell;
  restoreInputForm(info);
  moveInputForm(info);
  moveInputForm(info);
  expect(form.closest("#sagecell_moved")).not.toBeNull();
  expect(document.getElementById("sagecell_moved")!.hidden).toBe(true);
  restoreInputForm(info);
  expect(form.parentElement!.id).toBe("one");
  expect(document.getElementById("sagecell_moved")!.childElementCount).toBe(0);
  for (const nothing of [null, undefined, {}, 7, { submit: 1 }, { submit: 1, array: 7 }]) {
    expect(() => (moveInputForm(nothing), restoreInputForm(nothing))).not.toThrow();
  }
});

test("a cell can be deleted while it is being made", async () => {
  const info = world.sagecell["makeSagecell"]({ inputLocation: "#one", outputLocation: "#out" });
  world.sagecell["deleteSagecell"](info);
  await settled();
  expect(world.log).toEqual(["remove 1"]);
  expect(document.getElementById("one")).toBeNull();
  expect(document.getElementById("out")).toBeNull();
});

test("a cell is deleted once, with a form that was moved away", async () => {
  const info = await world.makes({ inputLocation: "#one", outputLocation: "#out" });
  const { moveInputForm, deleteSagecell } = world.sagecell;
  moveInputForm(info);
  deleteSagecell(info);
  deleteSagecell(info);
  await settled();
  expect(document.getElementById("one")).toBeNull();
  expect(document.getElementById("sagecell_moved")!.childElementCount).toBe(0);
});

test("elements are searched after the page has been parsed", async () => {
  world.parsed = [];
  const info = await world.makes({ inputLocation: "#late" });
  document.body.innerHTML = "<p id=late>late</p>";
  expect(world.plans).toHaveLength(0);
  for (const act of world.parsed) act();
  await settled();
  expect(plan().code).toBe("late");
  expect(info.editorData).not.toBeNull();
});

test.each(["code", "linkKey", "evalButtonText"])(
  "a %s that is no text is empty",
  async (option) => {
    await world.makes({ inputLocation: "#one", [option]: Object.create(null) });
    expect(plan()).toMatchObject(option === "linkKey" ? { linkKey: "key " } : { [option]: "" });
  },
);

// contract: 7.1
test("a text area becomes a cell with its program, also at a second try", async () => {
  document.body.innerHTML = "<form><textarea id=a name=n>print(1)</textarea></form>";
  const area = document.querySelector("textarea");
  world.isBroken = true;
  await world.makes({ inputLocation: "#a" });
  world.isBroken = false;
  const info = await world.makes({ inputLocation: "#a" });
  expect(plan()).toMatchObject({ code: "print(1)", area, input: info.inputLocation });
  expect(document.querySelectorAll("form > div")).toHaveLength(1);
  await world.makes({ inputLocation: "#a" });
  expect(world.plans).toHaveLength(1);
});

test("an exception in a callback affects no cell", async () => {
  const reported = vi.fn();
  vi.stubGlobal("reportError", reported);
  const error = new Error("theirs");
  await world.makes({
    inputLocation: "#one",
    callback: () => {
      throw error;
    },
  });
  vi.unstubAllGlobals();
  expect(reported).toHaveBeenCalledWith(error);
  expect(world.plans).toHaveLength(1);
});

test("cells that could not be loaded show it, and a later call retries", async () => {
  world.isBroken = true;
  await world.makes({ inputLocation: "#one" });
  expect(document.querySelector("#one [role=alert]")?.textContent).toContain("could not be loaded");
  world.isBroken = false;
  await world.makes({ inputLocation: "#one" });
  expect(world.plans).toHaveLength(1);
});

test("authors are told what their page has probably not meant", async () => {
  const said = vi.spyOn(console, "warn").mockImplementation(() => undefined);
  const sentences = () => said.mock.calls.map(([words]) => words as string);
  await world.makes({ inputLocation: "#one", outputLocation: "#out" });
  await world.makes({ inputLocation: "#one" }); // It is a cell already.
  expect(sentences()).toEqual([]);
  await world.makes({ inputLocation: "#nowhere" });
  await world.makes({ inputLocation: document.createElement("div") });
  await world.makes({
    inputLocation: "#two",
    outputLocation: "#nowhere",
    codeLocation: "#nocode",
    Hide: [],
  });
  await world.makes(null as unknown as object);
  expect(sentences()).toEqual([
    'sagecell-tx: makeSagecell finds no element of the page at inputLocation "#nowhere".',
    "sagecell-tx: makeSagecell finds no element of the page at inputLocation.",
    'sagecell-tx: makeSagecell knows no option "Hide". Did you mean "hide"?',
    'sagecell-tx: makeSagecell finds no element of the page at codeLocation "#nocode".',
    'sagecell-tx: makeSagecell finds no element of the page at outputLocation "#nowhere".',
    "sagecell-tx: makeSagecell finds no element of the page at inputLocation.",
  ]);
  expect(plan().output.id).toBe("out");
});

// jsdom has no style of an element any more after a malformed selector, so this comes last.
test.each([undefined, null, 7, "x", {}, { inputLocation: "][" }, { inputLocation: 7, hide: 7 }])(
  "nothing comes of %j",
  async (wishes) => {
    await expect(world.makes(wishes as object)).resolves.toMatchObject({ editorData: null });
    expect(world.plans).toHaveLength(0);
  },
);
