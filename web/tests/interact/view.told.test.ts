import { describe, expect, test } from "vitest";

import { type Json, type JsonObject } from "../../src/protocol/messages";
import { all, drags, enters, tells } from "./fakes";
import {
  BOX,
  BUTTON,
  ID,
  SLIDER,
  announce,
  block,
  cell,
  clear,
  host,
  names,
  range,
  show,
  useStage,
} from "./stage";

useStage();

describe("the kernel", () => {
  const update = (content: JsonObject) => tells(block, "update", { interact_id: ID, ...content });

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

  test("does not overwrite a later change of the visitor", async () => {
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
  test("adds a control before the output, or replaces the one with its name", () => {
    show({ n: SLIDER, m: BOX });
    const control = { ...BOX, label: "new", default: "z" };
    tells(block, "new-control", { interact_id: ID, name: "k", control });
    expect(names()).toEqual(["n", "m", "k"]);
    const follows = Node.DOCUMENT_POSITION_FOLLOWING;
    expect(cell("k").compareDocumentPosition(host.output) & follows).toBeTruthy();
    tells(block, "new-control", { interact_id: ID, name: "n", control });
    expect(names()).toEqual(["n", "m", "k"]);
    enters(cell("n").querySelector("input")!, "y");
    expect(host.sent).toEqual([{ n: "y" }]);
  });

  test("adds no control beyond the limit", () => {
    const many = Array.from({ length: 1000 }, (_, at) => [`n${at}`, BUTTON] as const);
    show(Object.fromEntries(many));
    tells(block, "new-control", { interact_id: ID, name: "more", control: BUTTON });
    expect(names()).toHaveLength(1000);
    tells(block, "del-control", { interact_id: ID, name: "n7" });
    tells(block, "new-control", { interact_id: ID, name: "more", control: BUTTON });
    expect(names()).toHaveLength(1000);
  });

  // contract: 4.4
  test("removes a control and its value", () => {
    show({ n: { ...SLIDER, update: false }, m: BOX });
    drags(range(), "4");
    tells(block, "del-control", { interact_id: ID, name: "n" });
    expect(names()).toEqual(["m"]);
    enters(cell("m").querySelector("input")!, "b");
    expect(host.sent).toEqual([{ m: "b" }]);
  });

  test("sends events for unknown controls or of unknown kinds, without effect", () => {
    show({ n: SLIDER });
    for (const content of [{}, { control: "x", value: 1 }, { control: "n" }, { control: ["n"] }]) {
      update(content);
      update({ ...content, value: "\ud800", index: [[]] });
    }
    for (const type of ["new-control", "del-control", "bookmark", "no-such-thing"]) {
      for (const name of ["\ud800", 5, null, "__proto__", ""]) {
        tells(block, type, { name, control: 5, values: "none" });
      }
    }
    block.cleared(["x", "__proto__", "\udfff"]);
    drags(range(), "4");
    expect(host.sent).toEqual([{ n: 4 }]);
  });
});

describe("state", () => {
  // contract: 4.1, 7.5
  test("from a link is shown and sent once, without pushes", () => {
    show({ n: SLIDER, m: BOX, b: BUTTON, h: { control_type: "html_box", value: "x" } });
    drags(range(), "4");
    enters(cell("m").querySelector("input")!, "b");
    const kept = block.kept();
    expect(kept).toEqual({ state: { n: 4, m: "b" }, bookmarks: [] });
    block.dispose();
    clear();
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
    host.saved = saved;
    show({ n: SLIDER });
    expect(range().value).toBe("1");
    expect(host.sent).toEqual([]);
  });

  test("out of range is clamped", () => {
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
  announce(content as JsonObject);
  const found = names();
  expect(new Set(found).size).toBe(found.length);
  all("input[type=range]").forEach((slider) => drags(slider, "4"));
  block.end();
});

test("names from JavaScript's prototypes are ordinary names", () => {
  const controls = JSON.parse(`{"__proto__": ${JSON.stringify(SLIDER)}}`) as JsonObject;
  show(controls);
  drags(range(), "4");
  expect(Object.entries(host.sent[0]!)).toEqual([["__proto__", 4]]);
});
