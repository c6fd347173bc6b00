import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { HeightWatch } from "../../../src/output/frame/height";
import { FakeFrames } from "../../fakes";

let frames: FakeFrames;
let told: number[];
let resized: () => void;
let tall: number;

beforeEach(() => {
  frames = new FakeFrames();
  told = [];
  tall = 100;
  vi.stubGlobal(
    "ResizeObserver",
    class {
      constructor(changed: () => void) {
        resized = changed;
      }
      observe(): void {}
    },
  );
  // jsdom lays nothing out.
  vi.spyOn(document.body, "scrollHeight", "get").mockImplementation(() => tall);
  vi.spyOn(document.documentElement, "clientHeight", "get").mockReturnValue(window.innerHeight);
  new HeightWatch({
    body: document.body,
    nextFrame: frames.next,
    tell: (pixels) => told.push(pixels),
  });
});
afterEach(() => {
  vi.unstubAllGlobals();
  document.body.replaceChildren();
});

test("all changes of a frame are told once", () => {
  resized();
  resized();
  frames.draw();
  tall = 60;
  resized();
  frames.draw();
  expect(told).toEqual([100, 60]);
});

test("content that grows because its window has grown is soon as tall as it gets", () => {
  for (let i = 0; i < 20; i += 1) {
    tall += 20;
    window.dispatchEvent(new Event("resize"));
    frames.draw();
  }
  expect(told).toEqual([120, 140, 160]);
});

test("content that grows for another reason is followed", async () => {
  for (let i = 0; i < 6; i += 1) {
    tall += 20;
    document.body.append(document.createElement("p"));
    await Promise.resolve(); // The observer of the DOM has its say.
    frames.draw();
    window.dispatchEvent(new Event("resize"));
    frames.draw();
  }
  expect(new Set(told).size).toBe(6);
});
