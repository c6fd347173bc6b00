import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { trusted } from "../../src/output/trusted";
import type { JsonObject } from "../../src/protocol/messages";
import type { WidgetEvent, WidgetOrder } from "../../src/protocol/widgets/orders";
import { FrameManager } from "../../src/widgets/manager";
import type { OutputModel } from "../../src/widgets/output";
import { eventually } from "../eventually";

// Lumino's widgets need it when they are loaded; jsdom has none.
vi.hoisted(() => {
  globalThis.DragEvent = class extends MouseEvent {} as typeof DragEvent;
});

let events: WidgetEvent[];
let manager: FrameManager;
let place: HTMLElement;

beforeEach(() => {
  vi.stubGlobal("requestAnimationFrame", (act: () => void) => setTimeout(act, 0));
  events = [];
  place = document.createElement("div");
  document.body.replaceChildren(place);
  manager = new FrameManager({
    send: (event) => events.push(event),
    showing: () => ({
      ...trusted({ fileAddress: () => null, fileBase: () => "" }),
      first: new Set(),
    }),
  });
});
afterEach(() => {
  vi.unstubAllGlobals();
  document.body.replaceChildren();
});

/** An order that opens a model of a class. */
function opening(id: string, name: string, state: JsonObject, module = "controls"): WidgetOrder {
  const common = {
    _model_module: `@jupyter-widgets/${module}`,
    _model_module_version: "2.0.0",
    _model_name: `${name}Model`,
    _view_module: `@jupyter-widgets/${module}`,
    _view_module_version: "2.0.0",
    _view_name: `${name}View`,
    _view_count: null,
  };
  const all = { ...common, ...state };
  return { kind: "open", id, version: "2.1.0", state: all, bufferPaths: [], buffers: [] };
}

function updating(id: string, state: JsonObject): WidgetOrder {
  const data = { method: "update", state, buffer_paths: [] };
  return { kind: "message", id, data, buffers: [], answers: null };
}

const TEXT = opening("m", "Text", { value: "one", description: "d", continuous_update: true });
const OUTPUT = opening("o", "Output", { msg_id: "", outputs: [] }, "output");

function begin(...orders: WidgetOrder[]): void {
  for (const order of orders) manager.handle(order);
  manager.handle({ kind: "complete" });
}

const field = () => vi.waitUntil(() => place.querySelector("input"));
const shows = (text: string) =>
  eventually(() => {
    expect(place.querySelector(".sagecell_sessionOutput")?.textContent).toBe(text);
  });

test("a widget follows its model, and the model follows the widget", async () => {
  manager.show("m", place, {});
  begin(TEXT);
  const input = await field();
  expect(input.value).toBe("one");
  manager.handle(updating("m", { value: "two" }));
  await eventually(() => expect(input.value).toBe("two"));
  input.value = "three";
  input.dispatchEvent(new Event("input", { bubbles: true }));
  expect(events).toMatchObject([
    { sent: 1, id: "m", data: { method: "update", state: { value: "three" } } },
  ]);
  // While the kernel is at work, changes wait, and the last one is sent.
  for (const value of ["four", "five"]) {
    input.value = value;
    input.dispatchEvent(new Event("input", { bubbles: true }));
  }
  expect(events).toHaveLength(1);
  manager.handle({ kind: "done", sent: 1 });
  expect(events.slice(1)).toMatchObject([{ sent: 2, data: { state: { value: "five" } } }]);
});

test("twins in one frame have one model", async () => {
  const twin = document.createElement("div");
  document.body.append(twin);
  begin(TEXT);
  manager.show("m", place, {});
  manager.show("m", twin, {});
  const input = await field();
  const other = await vi.waitUntil(() => twin.querySelector("input"));
  input.value = "three";
  input.dispatchEvent(new Event("input", { bubbles: true }));
  expect(other.value).toBe("three");
});

test("an Output widget shows what it captures, and what its program sets", async () => {
  begin(OUTPUT);
  manager.show("o", place, {});
  await vi.waitUntil(() => place.querySelector(".widget-output"));
  const capture = (text: string) =>
    manager.handle({
      kind: "output",
      ids: ["o"],
      output: { output_type: "stream", name: "stdout", text },
    });
  capture("a");
  capture("b");
  await shows("ab");
  manager.handle({ kind: "clear", id: "o", wait: true });
  await shows("ab");
  capture("c");
  await shows("c");
  // The frame's model had no outputs before, and yet these are cleared.
  manager.handle(updating("o", { outputs: [] }));
  await shows("");
  capture("d");
  manager.handle({ kind: "clear", id: "o", wait: false });
  capture("e");
  await shows("e");
});

test("an update changes the displays that widgets have captured, and adds nothing", async () => {
  const other = document.createElement("div");
  document.body.append(other);
  begin(OUTPUT, { ...OUTPUT, id: "p" } as WidgetOrder);
  const capture = (ids: string[], type: string, text: string, id = "d") => {
    const data = { data: { "text/plain": text }, metadata: {}, transient: { display_id: id } };
    manager.handle({ kind: "output", ids, output: { output_type: type, ...data } });
  };
  capture(["o"], "display_data", "one");
  capture(["o"], "execute_result", "two", "e");
  capture(["p"], "display_data", "three");
  for (let turn = 0; turn < 100; turn += 1) {
    capture(["o", "p", "gone"], "update_display_data", `new ${turn}`);
  }
  manager.show("o", place, {});
  manager.show("p", other, {});
  await shows("new 99two");
  await eventually(() => expect(other.textContent).toContain("new 99"));
  capture(["o"], "update_display_data", "last");
  await shows("lasttwo");
  const model = (await manager.get_model("o")) as unknown as OutputModel;
  expect(model.messages).toHaveLength(2);
});

test("output that is replaced again and again is kept once", async () => {
  begin(OUTPUT);
  for (let turn = 0; turn < 100; turn += 1) {
    manager.handle({ kind: "clear", id: "o", wait: true });
    const output = { output_type: "stream", name: "stdout", text: `turn ${turn}` };
    manager.handle({ kind: "output", ids: ["o"], output });
  }
  manager.handle({ kind: "clear", id: "o", wait: true });
  const model = (await manager.get_model("o")) as unknown as OutputModel;
  await eventually(() => expect(model.messages).toHaveLength(1));
  manager.show("o", place, {});
  await shows("turn 99");
  const output = { output_type: "stream", name: "stdout", text: "last" };
  manager.handle({ kind: "output", ids: ["o"], output });
  await shows("last");
});

test("text in many pieces is one, in views that come later too", async () => {
  begin(OUTPUT);
  const print = (name: string, text: string) =>
    manager.handle({
      kind: "output",
      ids: ["o"],
      output: { output_type: "stream", name, text },
    });
  for (let turn = 0; turn < 100; turn += 1) print("stdout", "x");
  print("stderr", "y");
  const model = (await manager.get_model("o")) as unknown as OutputModel;
  await eventually(() => expect(model.messages).toHaveLength(2));
  manager.show("o", place, {});
  await shows(`${"x".repeat(100)}y`);
});

test("a frame that comes later shows what was captured before", async () => {
  const outputs = [{ output_type: "stream", name: "stdout", text: "early" }];
  begin(opening("o", "Output", { msg_id: "", outputs }, "output"));
  manager.show("o", place, {});
  await shows("early");
});

test("after the end, controls stay and say so, also those that are shown later", async () => {
  const later = document.createElement("div");
  document.body.append(later);
  begin(TEXT);
  manager.show("m", place, {});
  const input = await field();
  manager.handle({ kind: "end" });
  manager.handle({ kind: "end" });
  manager.show("m", later, {});
  await vi.waitUntil(() => later.querySelector(".sagecell_note"));
  for (const each of [place, later]) {
    expect(each.querySelectorAll(".sagecell_note")).toHaveLength(1);
    expect(each.textContent).toContain("has ended");
    expect(each.querySelector("[inert] input, input[inert]")).not.toBeNull();
  }
  input.value = "three";
  input.dispatchEvent(new Event("input", { bubbles: true }));
  expect(events).toEqual([]);
});

test("an event that is not sent has a sentence at its widget, and the next one is sent", async () => {
  begin(TEXT);
  manager.show("m", place, {});
  const input = await field();
  const types = (value: string) => {
    input.value = value;
    input.dispatchEvent(new Event("input", { bubbles: true }));
  };
  types("long");
  manager.handle({ kind: "refused", sent: 1, sentence: "Too long." });
  expect(place.querySelector(".sagecell_note")!.textContent).toBe("Too long.");
  types("short");
  expect(events.map(({ sent }) => sent)).toEqual([1, 2]);
});

test("a widget that is not there, or of another library, has a sentence, and its picture if it has one", async () => {
  begin({
    ...TEXT,
    state: { ...(TEXT as { state: JsonObject }).state, _view_module: "bqplot" },
  } as WidgetOrder);
  manager.show("gone", place, {});
  await eventually(() => expect(place.textContent).toContain("has closed it, or has ended"));
  expect(place.querySelector("img")).toBeNull();
  const picture = document.createElement("div");
  document.body.append(picture);
  manager.show("gone", picture, { "image/png": "iVBORw0KGgo=", "text/plain": "Canvas()" });
  await eventually(() => expect(picture.textContent).toContain("has closed it, or has ended"));
  expect(picture.querySelector("img")!.src).toBe("data:image/png;base64,iVBORw0KGgo=");
  const other = document.createElement("div");
  document.body.append(other);
  manager.show("m", other, {});
  await eventually(() => expect(other.textContent).toContain("no widgets of bqplot"));
});

const box = (id: string, ...children: string[]) =>
  opening(id, "VBox", {
    children: children.map((each) => `IPY_MODEL_${each}`),
    layout: "IPY_MODEL_l",
    box_style: "",
  });
const LAYOUT = opening("l", "Layout", {}, "base");

test("a box that its program puts into itself has a sentence there", async () => {
  manager.show("a", place, {});
  begin(LAYOUT, box("b"), box("a", "b"));
  await vi.waitUntil(() => place.querySelectorAll(".widget-vbox").length === 2);
  manager.handle(updating("b", { children: ["IPY_MODEL_a"] }));
  await eventually(() => expect(place.textContent).toContain("within itself"));
  expect(place.querySelectorAll(".widget-vbox")).toHaveLength(2);
});

test("a view goes with its place, and a model with its comm", async () => {
  begin(TEXT);
  manager.show("m", place, {});
  await field();
  place.remove();
  manager.sweep();
  manager.sweep();
  const model = await manager.get_model("m");
  expect(Object.keys(model.views ?? {})).toEqual([]);
  manager.handle({ kind: "close", id: "m", sentence: "" });
  expect(manager.has_model("m")).toBe(false);
});
