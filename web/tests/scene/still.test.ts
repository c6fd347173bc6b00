import { expect, test, vi } from "vitest";

import { canDraw, showStill, stillAddress } from "../../src/scene/still";

function canvasWith(context: unknown): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  vi.spyOn(canvas, "getContext").mockReturnValue(context as never);
  return canvas;
}

test("a browser with WebGL can draw, and gets its context back", () => {
  const loseContext = vi.fn();
  expect(canDraw(canvasWith({ getExtension: () => ({ loseContext }) }))).toBe(true);
  expect(loseContext).toHaveBeenCalledOnce();
  expect(canDraw(canvasWith({ getExtension: () => null }))).toBe(true);
});

test("a browser without WebGL cannot", () => {
  expect(canDraw(canvasWith(null))).toBe(false);
});

test("the picture is beside the page", () => {
  const files = "https://cell.example/base/kernel/12/files/";
  expect(stillAddress(`${files}ab.html?q=1`)).toBe(`${files}ab.png?q=1`);
});

test("the picture replaces all that the page has", () => {
  const body = document.createElement("body");
  body.innerHTML = "<canvas></canvas><div>menu</div>";
  showStill(body, "https://cell.example/ab.png", "This is a still picture.");
  expect(body.querySelector("canvas, div")).toBeNull();
  expect(body.querySelector("img")?.src).toBe("https://cell.example/ab.png");
  expect(body.querySelector("img")?.alt).not.toBe("");
  expect(body.textContent).toBe("This is a still picture.");
});
