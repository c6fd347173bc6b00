import { expect, test, vi } from "vitest";

import { fit } from "../../src/scene/fitting";
import type { Scene } from "../../src/scene/turning";

/** A scene in a frame of this width and a height of 400; the camera is at a distance of 2. */
function sceneOf(clientWidth: number, isOrthographicCamera = false): Scene {
  const domElement = document.createElement("canvas");
  Object.defineProperties(domElement, {
    clientWidth: { value: clientWidth },
    clientHeight: { value: 400 },
  });
  return {
    camera: {
      position: { x: 3, y: 1, z: 1 },
      isOrthographicCamera,
      zoom: 1,
      updateProjectionMatrix: vi.fn(),
    },
    controls: {
      target: { x: 1, y: 1, z: 1 },
      enableKeys: true,
      update: vi.fn(),
      dispatchEvent: vi.fn(),
    },
    renderer: { domElement },
  };
}

/** The radius of what is seen at this distance from the middle, across or down, by half of its angle. */
const seen = (distance: number, half: number): number => distance * Math.sin(half);

const HALF = Math.PI / 8;

test.each([200, 400])("in a frame of this width, scene and labels fit across: %d", (width) => {
  const scene = sceneOf(width);
  fit(scene);
  const distance = scene.camera.position.x - 1;
  const now = seen(distance, Math.atan((Math.tan(HALF) * width) / 400));
  expect(now / seen(2, HALF)).toBeCloseTo(1.3);
  expect(scene.controls.dispatchEvent).toHaveBeenCalledOnce();
});

test("in a wide frame, scene and labels fit from top to bottom", () => {
  const scene = sceneOf(800);
  fit(scene);
  expect(seen(scene.camera.position.x - 1, HALF) / seen(2, HALF)).toBeCloseTo(1.1);
});

test.each([
  ["a frame without a size", sceneOf(NaN)],
  ["a camera without perspective", sceneOf(200, true)],
])("nothing moves for %s", (_name, scene) => {
  fit(scene);
  expect(scene.camera.position.x).toBe(3);
  expect(scene.controls.update).not.toHaveBeenCalled();
});
