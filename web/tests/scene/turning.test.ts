import { beforeEach, expect, test, vi } from "vitest";

import { type Scene, turnByKeys } from "../../src/scene/turning";

const canvas = () => document.createElement("canvas");

let scene: Scene;

beforeEach(() => {
  scene = {
    camera: { position: { x: 3, y: 1, z: 1 }, zoom: 1, updateProjectionMatrix: vi.fn() },
    controls: {
      target: { x: 1, y: 1, z: 1 },
      enableKeys: true,
      update: vi.fn(),
      dispatchEvent: vi.fn(),
    },
    renderer: { domElement: canvas() },
  };
});

/** Presses a key; returns whether the scene has used it. */
function press(key: string, modifiers: KeyboardEventInit = {}): boolean {
  const event = new KeyboardEvent("keydown", { key, cancelable: true, ...modifiers });
  return !scene.renderer.domElement.dispatchEvent(event);
}

function expectCamera(x: number, y: number, z: number): void {
  const { position } = scene.camera;
  expect(position.x).toBeCloseTo(x);
  expect(position.y).toBeCloseTo(y);
  expect(position.z).toBeCloseTo(z);
}

test("arrow keys turn the scene around its centre, and back", () => {
  turnByKeys(scene);
  for (let step = 0; step < 12; step += 1) expect(press("ArrowLeft")).toBe(true);
  expectCamera(1, 3, 1);
  for (let step = 0; step < 12; step += 1) expect(press("ArrowRight")).toBe(true);
  expectCamera(3, 1, 1);
  for (let step = 0; step < 6; step += 1) expect(press("ArrowDown")).toBe(true);
  expectCamera(1 + Math.SQRT2, 1, 1 + Math.SQRT2);
  for (let step = 0; step < 6; step += 1) expect(press("ArrowUp")).toBe(true);
  expectCamera(3, 1, 1);
  expect(scene.controls.update).toHaveBeenCalledTimes(36);
  expect(scene.controls.dispatchEvent).toHaveBeenCalledTimes(36);
});

test("the camera never stands exactly above or below the centre", () => {
  turnByKeys(scene);
  for (let step = 0; step < 50; step += 1) press("ArrowDown");
  expect(scene.camera.position.x).toBeGreaterThan(1);
  expect(scene.camera.position.z).toBeCloseTo(3, 3);
  for (let step = 0; step < 50; step += 1) press("ArrowUp");
  expect(scene.camera.position.x).toBeGreaterThan(1);
  expect(scene.camera.position.z).toBeCloseTo(-1, 3);
});

test("plus and minus bring the camera closer and farther away", () => {
  turnByKeys(scene);
  expect(press("+")).toBe(true);
  expectCamera(1 + 2 / 1.1, 1, 1);
  expect(press("-")).toBe(true);
  expectCamera(3, 1, 1);
});

test("without perspective, the scene is enlarged", () => {
  scene = { ...scene, camera: { ...scene.camera, isOrthographicCamera: true } };
  turnByKeys(scene);
  expect(press("=")).toBe(true);
  expect(scene.camera.zoom).toBeCloseTo(1.1);
  expect(scene.camera.updateProjectionMatrix).toHaveBeenCalledOnce();
  expectCamera(3, 1, 1);
});

test("other keys, and those of the browser, are left alone", () => {
  turnByKeys(scene);
  expect(press("a")).toBe(false);
  expect(press("Tab")).toBe(false);
  expect(press("ArrowLeft", { altKey: true })).toBe(false);
  expect(press("+", { ctrlKey: true })).toBe(false);
  expect(scene.controls.update).not.toHaveBeenCalled();
});

test("the scene can have the focus, and says how it is turned", () => {
  turnByKeys(scene);
  const { domElement } = scene.renderer;
  expect(domElement.tabIndex).toBe(0);
  expect(domElement.getAttribute("aria-label")).toContain("arrow keys");
  expect(scene.controls.enableKeys).toBe(false); // they would shift it
});
