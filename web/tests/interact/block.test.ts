import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { createInteract } from "../../src/interact";
import { type Interact } from "../../src/interact/hook";
import { type Json, type JsonObject } from "../../src/messages";
import { settled } from "../fakes";
import { FakeHost, all, drags, enters } from "./fakes";

const SLIDER = {
  control_type: "slider",
  subtype: "continuous",
  range: [0, 10],
  step: 0.5,
  default: 1,
  display_value: true,
  label: "n",
  update: true,
};
const BOX = { control_type: "input_box", subtype: "input", default: "a", label: "m", update: true };
const BUTTON = { control_type: "button", text: "Update", label: "", width: "", update: true };
const ID = "interact-1";

let host: FakeHost;
let block: Interact;

beforeEach(() => {
  host = new FakeHost();
  document.body.replaceChildren();
});

afterEach(() => block.remove());

function show(controls: JsonObject, more: JsonObject = {}): void {
  const layout: Json = [...Object.keys(controls), "_bookmarks", "_output"].map((name) => [
    [name, 1],
  ]);
  block = createInteract(
    { new_interact_id: ID, controls, layout, locations: null, readonly: false, ...more },
    host,
  );
  document.body.append(block.element);
}

const cell = (name: string) => all<HTMLElement>(`[data-name="${name}"]`)[0]!;
const range = (place = 0) => all("input[type=range]")[place]!;
const isDirty = (name: string) => cell(name).classList.contains("sagecell_dirtyControl");
const names = (root: ParentNode = document) =>
  all<HTMLElement>("[data-name]", root).map((element) => element.dataset["name"]);

// contract: 4.1, 8
test("controls stand with their labels where the layout wants them, and so does the output", () => {
  show(
    { n: SLIDER, m: BOX },
    {
      layout: [
        [["_output", 1]],
        [
          ["m", 0.25],
          ["n", 0.75],
        ],
        [["_bookmarks", 1]],
      ],
    },
  );
  expect(block.element.className).toBe("sagecell_interactContainer");
  const rows = all<HTMLElement>(".sagecell_interactRow");
  expect(rows.map((row) => row.childElementCount)).toEqual([1, 2, 1]);
  expect(rows[0]!.querySelector(".sagecell_interactOutput")!.firstChild).toBe(host.output);
  expect(names()).toEqual(["m", "n"]);
  expect(cell("m").style.getPropertyValue("--share")).toBe("0.25");
  expect(cell("n").querySelector(".sagecell_interactControlLabel")!.textContent).toBe("n");
  expect(rows[2]!.querySelector(".sagecell_bookmarks")).not.toBeNull();
});

test("a label names its control, a group's too, and a formula in it is typeset", () => {
  show({
    n: { ...SLIDER, label: "$n$" },
    r: { ...SLIDER, subtype: "continuous_range", label: "<b>both</b>" },
    hidden: { ...BOX, label: "" },
  });
  const label = cell("n").querySelector("label")!;
  expect(label.control).toBe(range());
  expect(label.querySelector<HTMLElement>("span")!.dataset["typeset"]).toBe("yes");
  const group = cell("r").querySelector("[role=group]")!;
  const name = document.getElementById(group.getAttribute("aria-labelledby")!)!;
  expect(name.textContent).toBe("both");
  expect(cell("r").querySelector("input")!.getAttribute("aria-label")).toBe("both, from");
  expect(cell("hidden").querySelector("input")!.getAttribute("aria-label")).toBe("hidden");
  expect(cell("hidden").querySelector("label")!.hidden).toBe(true);
});

test("parts may stand elsewhere on the page, and go with the block", () => {
  document.body.innerHTML = "<div id=here></div><div id=there></div>";
  show(
    { n: SLIDER, m: BOX },
    { locations: { n: "#here", _output: "#there", m: "#nowhere", constructor: "#here" } },
  );
  expect(names(document.getElementById("here")!)).toEqual(["n"]);
  expect(document.getElementById("there")!.contains(host.output)).toBe(true);
  expect(names(block.element)).toEqual(["m"]);
  block.remove();
  expect(document.getElementById("here")!.childElementCount).toBe(0);
  expect(document.getElementById("there")!.childElementCount).toBe(0);
});

test("where the author wants no output, there is no room for it", () => {
  show({ n: SLIDER }, { layout: [[["n", 1]]] });
  expect(all(".sagecell_interactOutput")).toEqual([]);
});

// contract: 4.2
test("what the visitor changes is sent at once, alone", async () => {
  show({ n: SLIDER, m: BOX });
  expect(host.sent).toEqual([]);
  drags(range(), "4.5");
  expect(host.sent).toEqual([{ n: 4.5 }]);
  await host.answers();
  enters(cell("m").querySelector("input")!, "b");
  expect(host.sent).toEqual([{ n: 4.5 }, { m: "b" }]);
});

test("a slider dragged fast never has more than one run, and then the last value", async () => {
  show({ n: SLIDER });
  let most = 0;
  for (let step = 0; step < 600; step += 1) {
    drags(range(), String(step % 20 === 19 ? 7 : (step % 20) / 2));
    most = Math.max(most, host.open);
    if (step % 50 === 49) await host.answers();
  }
  expect(most).toBe(1);
  drags(range(), "9");
  while (host.open > 0) await host.answers();
  expect(host.sent.at(-1)).toEqual({ n: 9 });
  expect(host.sent.length).toBeLessThanOrEqual(14);
});

test("changes of several controls wait together", async () => {
  show({ n: SLIDER, m: BOX, k: SLIDER });
  drags(range(0), "2");
  drags(range(0), "3");
  enters(cell("m").querySelector("input")!, "b");
  drags(range(1), "4");
  drags(range(1), "5");
  await host.answers();
  expect(host.sent).toEqual([{ n: 2 }, { n: 3, m: "b", k: 5 }]);
});

describe("with an Update button", () => {
  beforeEach(() =>
    show({
      n: { ...SLIDER, update: false },
      m: { ...BOX, update: false },
      auto_update: BUTTON,
    }),
  );
  const press = () => cell("auto_update").querySelector("button")!.click();

  // contract: 4.7
  test("changes are marked until they are sent with it", async () => {
    drags(range(), "4");
    drags(range(), "5");
    expect(host.sent).toEqual([]);
    expect([isDirty("n"), isDirty("m")]).toEqual([true, false]);
    press();
    expect(host.sent).toEqual([{ n: 5, auto_update: true }]);
    expect(isDirty("n")).toBe(true);
    block.cleared(["n"]);
    expect(isDirty("n")).toBe(false);
    await host.answers();
    press();
    expect(host.sent[1]).toEqual({ auto_update: true });
  });

  test("what changed since it was sent stays marked", async () => {
    drags(range(), "4");
    press();
    drags(range(), "6");
    block.cleared(null);
    await host.answers();
    expect(isDirty("n")).toBe(true);
    press();
    expect(host.sent.at(-1)).toEqual({ n: 6, auto_update: true });
  });

  test("the button itself is never marked", () => {
    press();
    expect(isDirty("auto_update")).toBe(false);
  });
});

test("marks go at the end of the run, be there a word about them or not", async () => {
  show({ n: SLIDER });
  drags(range(), "4");
  expect(isDirty("n")).toBe(true);
  await host.answers({ status: "error", ename: "ValueError", evalue: "by the program" });
  expect(isDirty("n")).toBe(false);
  expect(all(".sagecell_interactNote")[0]!.hidden).toBe(true);
});

test("a refusal of which nothing else speaks is told, until values are taken again", async () => {
  show({ n: SLIDER });
  drags(range(), "4");
  await host.answers({ status: "error", ename: "invalid_value", evalue: "n is out of range." });
  const note = all<HTMLElement>("[role=status]")[0]!;
  expect(note.textContent).toBe("n is out of range.");
  drags(range(), "5");
  await host.answers();
  expect(note.hidden).toBe(true);
});

describe("the kernel", () => {
  const update = (content: JsonObject) =>
    block.take("application/sage-interact-update", { interact_id: ID, ...content });

  // contract: 4.2
  test("sets a control, and nothing is sent for it", () => {
    show({ n: SLIDER, m: BOX });
    update({ control: "n", value: 3 });
    update({ control: "m", value: "other" });
    expect(range().value).toBe("3");
    expect(cell("m").querySelector("input")!.value).toBe("other");
    expect(host.sent).toEqual([]);
    expect(host.changes).toBe(2);
  });

  test("does not write over what the visitor has changed since", async () => {
    show({ n: SLIDER });
    drags(range(), "4");
    drags(range(), "8");
    update({ control: "n", value: 4 });
    expect(range().value).toBe("8");
    await host.answers();
    update({ control: "n", value: 5 });
    expect(range().value).toBe("5");
  });

  // contract: 4.3
  test("adds a control before the output, or in the place of one with its name", () => {
    show({ n: SLIDER, m: BOX });
    const control = { ...BOX, label: "new", default: "z" };
    block.take("application/sage-interact-new-control", { interact_id: ID, name: "k", control });
    expect(names()).toEqual(["n", "m", "k"]);
    const follows = Node.DOCUMENT_POSITION_FOLLOWING;
    expect(cell("k").compareDocumentPosition(host.output) & follows).toBeTruthy();
    block.take("application/sage-interact-new-control", { interact_id: ID, name: "n", control });
    expect(names()).toEqual(["n", "m", "k"]);
    enters(cell("n").querySelector("input")!, "y");
    expect(host.sent).toEqual([{ n: "y" }]);
  });

  // contract: 4.4
  test("removes a control, and its value with it", () => {
    show({ n: { ...SLIDER, update: false }, m: BOX });
    drags(range(), "4");
    block.take("application/sage-interact-del-control", { interact_id: ID, name: "n" });
    expect(names()).toEqual(["m"]);
    enters(cell("m").querySelector("input")!, "b");
    expect(host.sent).toEqual([{ m: "b" }]);
  });

  test("speaks of controls that are not there, or in no known way, and nothing happens", () => {
    show({ n: SLIDER });
    for (const content of [{}, { control: "x", value: 1 }, { control: "n" }, { control: ["n"] }]) {
      update(content);
      update({ ...content, value: "\ud800", index: [[]] });
    }
    for (const type of ["new-control", "del-control", "bookmark", "no-such-thing"]) {
      for (const name of ["\ud800", 5, null, "__proto__", ""]) {
        block.take(`application/sage-interact-${type}`, { name, control: 5, values: "none" });
      }
    }
    block.cleared(["x", "__proto__", "\udfff"]);
    drags(range(), "4");
    expect(host.sent).toEqual([{ n: 4 }]);
  });
});

test("when the kernel is gone, the controls are still there but do nothing", async () => {
  show({ n: SLIDER, m: BOX, b: BUTTON });
  drags(range(), "4");
  drags(range(), "5");
  await host.dies();
  expect(block.element.getAttribute("aria-disabled")).toBe("true");
  expect(range().disabled).toBe(true);
  drags(range(), "6");
  block.end();
  await settled();
  expect(host.sent).toEqual([{ n: 4 }]);
  expect(all("[role=status]")[0]!.textContent).toContain("evaluate the cell again");
});

test("what is only to be read cannot be changed", () => {
  show({ n: SLIDER, m: BOX, b: BUTTON }, { readonly: true });
  expect(range().disabled).toBe(true);
  expect(cell("m").querySelector("input")!.readOnly).toBe(true);
  expect(cell("b").querySelector("button")!.disabled).toBe(true);
  expect(all<HTMLButtonElement>(".sagecell_bookmarkKeep")[0]!.disabled).toBe(true);
});

describe("state", () => {
  // contract: 4.1, 7
  test("is what a link brings back: shown, sent once, and of pushes nothing", async () => {
    show({ n: SLIDER, m: BOX, b: BUTTON, h: { control_type: "html_box", value: "x" } });
    drags(range(), "4");
    enters(cell("m").querySelector("input")!, "b");
    const kept = block.kept();
    expect(kept).toEqual({ state: { n: 4, m: "b" }, bookmarks: [] });
    block.remove();
    host = new FakeHost();
    host.saved = kept;
    show({ n: SLIDER, m: BOX, b: BUTTON });
    expect(range().value).toBe("4");
    expect(host.sent).toEqual([{ n: 4, m: "b" }]);
  });

  test.each([
    {},
    { state: { gone: 1 } },
    { state: [1], bookmarks: "none" },
    { state: null, bookmarks: [null, { name: "x" }, { values: {} }, 5] },
  ])("that fits nothing changes nothing: %j", (saved) => {
    host.saved = saved as JsonObject;
    show({ n: SLIDER });
    expect(range().value).toBe("1");
    expect(host.sent).toEqual([]);
  });

  test("out of range is brought into it", () => {
    host.saved = { state: { n: 1e9 } };
    show({ n: SLIDER });
    expect(host.sent).toEqual([{ n: 10 }]);
  });
});

const DESCRIPTIONS: Json[] = [
  {},
  { controls: 5, layout: "none", locations: [], readonly: "yes" },
  { controls: { n: null, m: "x", "\ud800": SLIDER }, layout: [[["n"]], [[]], null, [[5, 5]]] },
  { controls: { toString: SLIDER, constructor: SLIDER }, layout: [[["constructor", -1]]] },
  {
    controls: { n: SLIDER },
    layout: [
      [
        ["n", 1e9],
        ["n", 1],
        ["_output", 1e9],
      ],
      [["n", 1]],
    ],
  },
];

test.each(DESCRIPTIONS)("of any description, each control stands once: %j", (content) => {
  block = createInteract(content as JsonObject, host);
  document.body.append(block.element);
  const found = names();
  expect(new Set(found).size).toBe(found.length);
  all("input[type=range]").forEach((slider) => drags(slider, "4"));
  block.end();
});

test("a name that means something to JavaScript is a name like others", async () => {
  const controls = JSON.parse(`{"__proto__": ${JSON.stringify(SLIDER)}}`) as JsonObject;
  show(controls);
  drags(range(), "4");
  expect(Object.entries(host.sent[0]!)).toEqual([["__proto__", 4]]);
});
