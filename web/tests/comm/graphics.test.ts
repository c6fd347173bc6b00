import { afterEach, beforeEach, expect, test } from "vitest";

import { createView } from "../../src/comm";
import type { CommView } from "../../src/comm/api";
import { filePath } from "../../src/output/files";
import { KernelGone } from "../../src/protocol/ask";
import type { JsonObject } from "../../src/protocol/messages";
import { settled } from "../fakes";

let sent: JsonObject[];
let answers: (() => void)[];
let isGone: boolean;

beforeEach(() => {
  sent = [];
  answers = [];
  isGone = false;
});
afterEach(() => document.body.replaceChildren());

function show(data: JsonObject = { filename: "plot.png" }): CommView {
  const view = createView("graphicswidget", data, {
    send: (data) => {
      if (isGone) return Promise.reject(new KernelGone());
      sent.push(data as JsonObject);
      return new Promise((resolve) => answers.push(resolve));
    },
    fileAddress: (name) => {
      const [path = "", query = ""] = name.split("?");
      const file = filePath("k1", path);
      return file && `/${file}?${query}`;
    },
    byPage: false,
  });
  document.body.append(view.element);
  const picture = image();
  Object.defineProperties(picture, {
    naturalWidth: { value: 400 },
    naturalHeight: { value: 200 },
  });
  // Displayed at half its size, away from the origin.
  picture.getBoundingClientRect = () => new DOMRect(10, 20, 200, 100);
  return view;
}

const image = () => document.querySelector("img")!;
const source = () => image().getAttribute("src");

function point(type: string, clientX: number, clientY: number, more: MouseEventInit = {}): void {
  image().dispatchEvent(new MouseEvent(type, { clientX, clientY, bubbles: true, ...more }));
}

function press(key: string, more: KeyboardEventInit = {}): boolean {
  return image().dispatchEvent(new KeyboardEvent("keydown", { key, cancelable: true, ...more }));
}

async function answer(): Promise<void> {
  answers.shift()?.();
  await settled();
}

// contract: 4.21
test("a click is sent in the picture's own pixels", async () => {
  show();
  expect(source()).toBe("/kernel/k1/files/plot.png?v=1");
  point("click", 10 + 60, 20 + 22);
  expect(sent).toEqual([{ x: 120, y: 44, eventType: "click" }]);
  await answer();
  point("dblclick", 9, 500);
  expect(sent[1]).toEqual({ x: 0, y: 199, eventType: "dblclick" });
});

test("events wait for the one before, and consecutive moves are merged", async () => {
  show();
  point("mousedown", 10, 20);
  for (let x = 10; x < 60; x += 1) point("mousemove", x, 20, { buttons: 1 });
  point("mouseup", 59, 20);
  expect(sent.map(({ eventType }) => eventType)).toEqual(["mousedown"]);
  await answer();
  await answer();
  await answer();
  expect(sent.slice(1)).toEqual([
    { x: 98, y: 0, eventType: "mousemove" },
    { x: 98, y: 0, eventType: "mouseup" },
  ]);
});

test("moves without a button, and other buttons, are ignored", () => {
  show();
  point("mousemove", 30, 30);
  point("mousedown", 30, 30, { button: 2 });
  expect(sent).toEqual([]);
});

test("the queue of events is limited", async () => {
  show();
  for (let i = 0; i < 100; i += 1) point("click", 10, 20);
  for (let i = 0; i < 100; i += 1) await answer();
  expect(sent).toHaveLength(21);
});

// contract: 4.21
test("arrow keys move a cross, and Enter clicks there", async () => {
  show();
  expect(image().tabIndex).toBe(0);
  press("ArrowRight");
  press("ArrowUp", { shiftKey: true });
  const cross = document.querySelector<HTMLElement>(".sagecell_cross")!;
  expect([cross.hidden, cross.style.left, cross.style.top]).toEqual([false, "52.625%", "49.75%"]);
  expect(press("Enter")).toBe(false);
  expect(sent).toEqual([{ x: 210, y: 99, eventType: "click" }]);
  await answer();
  for (let i = 0; i < 50; i += 1) press("ArrowLeft");
  press(" ");
  expect(sent[1]).toEqual({ x: 0, y: 99, eventType: "click" });
  expect([press("Tab"), press("Enter", { ctrlKey: true })]).toEqual([true, true]);
  expect(sent).toHaveLength(2);
});

test("the program may show another picture, or the same file again", () => {
  const view = show({ filename: "plot.png?m=17" });
  view.handle({ filename: "plot.png" });
  expect(source()).toBe("/kernel/k1/files/plot.png?v=2");
  for (const data of [null, 7, "x", [], {}, { filename: 7 }]) view.handle(data);
  expect(source()).toBe("/kernel/k1/files/plot.png?v=2");
});

test("a missing file is requested again when the program has ended", () => {
  const view = show();
  image().dispatchEvent(new Event("error"));
  expect(source()).toBe("/kernel/k1/files/plot.png?v=1");
  view.flush();
  expect(source()).toBe("/kernel/k1/files/plot.png?v=2");
  // The end may precede the failure.
  view.flush();
  image().dispatchEvent(new Event("error"));
  expect(source()).toBe("/kernel/k1/files/plot.png?v=3");
  image().dispatchEvent(new Event("error"));
  expect(source()).toBe("/kernel/k1/files/plot.png?v=3");
});

test.each(["../../../permalink", "", "/etc/passwd", "//elsewhere.test/x.png", "https://elsewhere"])(
  "%j is no picture of the kernel's",
  (filename) => {
    show({ filename });
    expect(source()?.startsWith("/kernel/k1/files/") ?? true).toBe(true);
  },
);

test("after the end of the comm it is an ordinary picture", async () => {
  show().end();
  point("click", 30, 30);
  press("Enter");
  expect([sent, image().getAttribute("role"), image().tabIndex]).toEqual([[], "img", -1]);
  document.body.replaceChildren();
  isGone = true;
  show();
  point("click", 30, 30);
  await settled();
  expect(image().getAttribute("role")).toBe("img");
});
