import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { trusted } from "../../src/output/trusted";
import type { JsonObject } from "../../src/protocol/messages";
import type { WidgetEvent, WidgetOrder } from "../../src/protocol/widgets/orders";
import { FrameManager } from "../../src/widgets/manager";
import { eventually } from "../eventually";

// Lumino's widgets need it when they are loaded; jsdom has none.
vi.hoisted(() => {
  globalThis.DragEvent = class extends MouseEvent {} as typeof DragEvent;
});

let events: WidgetEvent[];
let drawn: string[];
let manager: FrameManager;
let place: HTMLElement;

beforeEach(() => {
  vi.stubGlobal("requestAnimationFrame", (act: () => void) => setTimeout(act, 0));
  // jsdom has neither: a picture is its bytes as text here, and drawing is a list of what was drawn.
  vi.stubGlobal("devicePixelRatio", 1);
  vi.stubGlobal("createImageBitmap", async (blob: Blob) => {
    const name = await blob.text();
    if (name === "broken") throw new Error("This is no picture.");
    return { name, close: () => drawn.push(`close ${name}`) };
  });
  vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockImplementation(contextOf as never);
  events = [];
  drawn = [];
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

/** A context that draws nothing, and lists the pictures that it gets. */
function contextOf(this: HTMLCanvasElement): unknown {
  const known: Record<string, unknown> = {
    canvas: this,
    backingStorePixelRatio: window.devicePixelRatio,
    clearRect: () => this.parentElement === null && drawn.push("clear"),
    drawImage: (picture: { name?: string }) => picture.name && drawn.push(picture.name),
    createLinearGradient: () => ({ addColorStop: () => undefined }),
  };
  return new Proxy(known, {
    get: (target, name) => target[String(name)] ?? (() => undefined),
  });
}

function opening(id: string, name: string, state: JsonObject): WidgetOrder {
  const all = {
    _model_module: "jupyter-matplotlib",
    _model_module_version: "^0.12",
    _model_name: `${name}Model`,
    _view_module: "jupyter-matplotlib",
    _view_module_version: "^0.12",
    _view_name: `${name}View`,
    ...state,
  };
  return { kind: "open", id, version: "2.1.0", state: all, bufferPaths: [], buffers: [] };
}

const ITEMS = [
  ["Home", "Reset original view", "home", "home"],
  ["Pan", "Move", "arrows", "pan"],
  ["Zoom", "Zoom to rectangle", "square-o", "zoom"],
];
const TOOLBAR = opening("t", "Toolbar", { toolitems: ITEMS, _current_action: "" });
const FIGURE = opening("f", "MPLCanvas", {
  toolbar: "IPY_MODEL_t",
  toolbar_position: "left",
  toolbar_visible: "fade-in-fade-out",
  _figure_label: "Figure 1",
  _size: [64, 48],
  _data_url: null,
});

function update(id: string, state: JsonObject): void {
  const data = { method: "update", state, buffer_paths: [] };
  manager.handle({ kind: "message", id, data, buffers: [], answers: null });
}

function tell(content: JsonObject, ...pictures: string[]): void {
  const data = { method: "custom", content: { data: JSON.stringify(content) } };
  const buffers = pictures.map((text) => new TextEncoder().encode(text).buffer);
  manager.handle({ kind: "message", id: "f", data, buffers, answers: null });
}

const paint = (name: string) => tell({ type: "binary" }, name);

const kinds = () =>
  events.map(({ data }) => {
    const content = data["content"] as JsonObject | undefined;
    return content?.["type"] ?? data["method"];
  });

async function shown(): Promise<HTMLElement> {
  manager.handle(TOOLBAR);
  manager.handle(FIGURE);
  manager.handle({ kind: "complete" });
  manager.show("f", place, {});
  return vi.waitUntil(() => place.querySelector<HTMLElement>(".jupyter-matplotlib-canvas-div"));
}

const isUpToDate = async () => {
  const model = (await manager.get_model("f")) as unknown as { drawn: Promise<void> };
  await model.drawn;
};

test("a figure asks for its picture when it is shown, and not before", async () => {
  manager.handle(TOOLBAR);
  manager.handle(FIGURE);
  manager.handle({ kind: "complete" });
  await manager.get_model("f");
  tell({ type: "draw" });
  expect(kinds()).toEqual([]);
  manager.show("f", place, {});
  await vi.waitUntil(() => place.querySelector("canvas"));
  expect(kinds()).toEqual(["refresh", "send_image_mode", "initialized"]);
  place.remove();
  manager.sweep();
  tell({ type: "draw" });
  paint("unseen");
  await isUpToDate();
  expect(kinds()).toHaveLength(3);
  expect(drawn).toEqual([]);
});

test("pictures are drawn one after the other, each in its mode, and kept no longer", async () => {
  await shown();
  update("f", { _image_mode: "full" });
  paint("whole");
  update("f", { _image_mode: "diff" });
  paint("change");
  paint("broken");
  paint("another");
  vi.spyOn(console, "error").mockReturnValue();
  // Its changes come a moment later than its pictures.
  await vi.waitUntil(() => drawn.includes("close another"));
  const all = ["clear", "whole", "close whole", "change", "close change"];
  expect(drawn).toEqual([...all, "another", "close another"]);
  expect(console.error).toHaveBeenCalledOnce();
});

test("the picture with which it was displayed is there until another comes", async () => {
  const url = `data:image/png;base64,${btoa("first")}`;
  const { state } = FIGURE as { state: JsonObject };
  manager.handle(TOOLBAR);
  manager.handle({ ...FIGURE, state: { ...state, _data_url: url } } as WidgetOrder);
  manager.handle({ kind: "complete" });
  manager.show("f", place, {});
  await vi.waitUntil(() => drawn.includes("close first"));
});

test("one picture is asked for at a time, and again if none came", async () => {
  await shown();
  events = [];
  tell({ type: "draw" });
  tell({ type: "draw" });
  expect(kinds()).toEqual(["draw"]);
  manager.handle({ kind: "done", sent: events[0]!.sent });
  tell({ type: "draw" });
  expect(kinds()).toEqual(["draw", "draw"]);
  paint("new");
  tell({ type: "draw" });
  expect(kinds()).toEqual(["draw", "draw", "draw"]);
});

test("of the mouse's movements the last is sent, when the one before is handled", async () => {
  await shown();
  const canvas = place.querySelector<HTMLElement>("canvas:last-of-type")!;
  vi.useFakeTimers();
  const move = (clientX: number) => {
    canvas.dispatchEvent(new MouseEvent("mousemove", { clientX }));
    vi.advanceTimersByTime(100);
  };
  events = [];
  for (const x of [1, 2, 3]) move(x);
  expect(kinds()).toEqual(["motion_notify"]);
  manager.handle({ kind: "done", sent: events[0]!.sent });
  expect(kinds()).toEqual(["motion_notify", "motion_notify"]);
  expect(events[1]!.data).toMatchObject({ content: { x: 3 * 64 } });
  // Another event comes after the movement that waits.
  move(4);
  canvas.dispatchEvent(new MouseEvent("mouseup"));
  expect(kinds().slice(2)).toEqual(["motion_notify", "button_release"]);
  vi.useRealTimers();
});

test("keys are the figure's, but for those that leave it", async () => {
  const area = await shown();
  events = [];
  area.focus();
  expect(kinds()).toEqual(["motion_notify"]); // to the axes that keys are for
  events = [];
  const isTaken = (key: string, more: KeyboardEventInit = {}) =>
    !area.dispatchEvent(new KeyboardEvent("keydown", { key, cancelable: true, ...more }));
  expect([isTaken("g"), isTaken("Tab"), isTaken("F5"), isTaken("r", { ctrlKey: true })]).toEqual([
    true,
    false,
    false,
    false,
  ]);
  expect(events.map(({ data }) => data)).toMatchObject([{ content: { key: "kg" } }]);
  expect(area.getAttribute("aria-label")).toMatch(/^Figure 1\. Keys: /);
  update("f", { tooltip: "Plot: Squares" });
  await eventually(() => expect(area.getAttribute("aria-label")).toMatch(/^Plot: Squares\. /));
});

test("the buttons say what the mouse does, also when a key has chosen it", async () => {
  await shown();
  const pressed = () =>
    ["Move", "Zoom to rectangle"].map((title) =>
      place.querySelector(`[title="${title}"]`)!.getAttribute("aria-pressed"),
    );
  expect(pressed()).toEqual(["false", "false"]);
  tell({ type: "navigate_mode", mode: "ZOOM" });
  expect(pressed()).toEqual(["false", "true"]);
  tell({ type: "navigate_mode", mode: "NONE" });
  expect(pressed()).toEqual(["false", "false"]);
});

test("while the mouse does something, a finger does so, too", async () => {
  await shown();
  const canvas = place.querySelector<HTMLElement>("canvas:last-of-type")!;
  const touch = () => {
    const down = new MouseEvent("pointerdown", { cancelable: true });
    canvas.dispatchEvent(Object.assign(down, { pointerType: "touch", isPrimary: true }));
  };
  events = [];
  touch();
  tell({ type: "navigate_mode", mode: "PAN" });
  touch();
  expect(kinds()).toEqual(["button_press"]);
  expect(canvas.style.touchAction).toBe("none");
});

test("a figure that its program closes stays as a picture, until it is removed", async () => {
  const area = await shown();
  manager.handle({ kind: "close", id: "f", sentence: "" });
  await eventually(() => expect(place.textContent).toContain("has closed this figure"));
  expect(area.isConnected && area.hasAttribute("inert")).toBe(true);
  expect(place.querySelectorAll("button")).toHaveLength(0);
  const removed = vi.spyOn(window, "removeEventListener");
  place.remove();
  manager.sweep();
  expect(removed).toHaveBeenCalledWith("mouseup", expect.anything());
});
