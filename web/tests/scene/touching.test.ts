import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { turnByTouch } from "../../src/scene/touching";
import type { Scene } from "../../src/scene/turning";

let scene: Scene;
const handled = vi.fn();

beforeEach(() => {
  const canvas = document.createElement("canvas");
  Object.defineProperty(canvas, "clientHeight", { value: 400 });
  document.body.replaceChildren(canvas);
  scene = {
    camera: { position: { x: 3, y: 1, z: 1 }, zoom: 1, updateProjectionMatrix: vi.fn() },
    controls: {
      target: { x: 1, y: 1, z: 1 },
      enableKeys: true,
      update: vi.fn(),
      dispatchEvent: vi.fn(),
    },
    renderer: { domElement: canvas },
  };
  handled.mockClear();
  for (const type of ["touchstart", "touchmove"]) canvas.addEventListener(type, handled);
  turnByTouch(scene);
});

afterEach(() => document.body.replaceChildren());

/** Touches the scene at these places; whether the browser may scroll. */
function touch(type: string, ...places: readonly (readonly [x: number, y: number])[]): boolean {
  const event = new Event(type, { bubbles: true, cancelable: true });
  const touches = places.map(([clientX, clientY]) => ({ clientX, clientY }));
  return scene.renderer.domElement.dispatchEvent(Object.assign(event, { touches }));
}

test("a finger that moves to the side turns the scene, a whole turn for its height", () => {
  expect(touch("touchstart", [300, 100])).toBe(true);
  touch("touchmove", [299, 100]);
  expect(scene.controls.update).not.toHaveBeenCalled(); // it has hardly moved
  expect(touch("touchmove", [200, 100])).toBe(true);
  expect(scene.camera.position.x).toBeCloseTo(1);
  expect(scene.camera.position.y).toBeCloseTo(3);
  expect(scene.controls.update).toHaveBeenCalledOnce();
  touch("touchmove", [200, 50]); // it is turning already: now away from the z axis
  expect(scene.camera.position.z).toBeLessThan(1);
  expect(handled).not.toHaveBeenCalled();
});

test("a finger that moves up or down is the page's", () => {
  touch("touchstart", [300, 100]);
  expect(touch("touchmove", [305, 150])).toBe(true);
  touch("touchmove", [100, 150]);
  expect(scene.controls.update).not.toHaveBeenCalled();
  expect(handled).not.toHaveBeenCalled();
  expect(scene.renderer.domElement.style.touchAction).toBe("pan-y");
});

test("two fingers are three.js's, and the one that stays turns nothing", () => {
  touch("touchstart", [300, 100]);
  touch("touchstart", [300, 100], [310, 100]);
  touch("touchmove", [290, 100], [320, 100]);
  expect(handled).toHaveBeenCalledTimes(2);
  touch("touchmove", [100, 100]);
  expect(scene.controls.update).not.toHaveBeenCalled();
});

test("the menu can be touched", () => {
  const listener = vi.fn();
  const menu = document.createElement("div");
  document.body.append(menu);
  menu.addEventListener("touchstart", listener);
  const event = new Event("touchstart", { bubbles: true });
  menu.dispatchEvent(Object.assign(event, { touches: [{ clientX: 1, clientY: 1 }] }));
  expect(listener).toHaveBeenCalledOnce();
});
