import { expect, test, vi } from "vitest";

import { fitWidth } from "../../src/scene/fitting";
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

test("in a narrow frame, the camera is so far away that the scene fits", () => {
  const scene = sceneOf(200);
  fitWidth(scene);
  const distance = scene.camera.position.x - 1;
  // The radius of what is seen from top to bottom before, and from left to right now.
  const before = 2 * Math.sin(Math.PI / 8);
  const now = distance * Math.sin(Math.atan(Math.tan(Math.PI / 8) / 2));
  expect(now / before).toBeCloseTo(1.3);
  expect(scene.controls.dispatchEvent).toHaveBeenCalledOnce();
});

test.each([
  ["a wide frame", sceneOf(800)],
  ["a square frame", sceneOf(400)],
  ["a frame without a size", sceneOf(NaN)],
  ["a camera without perspective", sceneOf(200, true)],
])("nothing moves for %s", (_name, scene) => {
  fitWidth(scene);
  expect(scene.camera.position.x).toBe(3);
  expect(scene.controls.update).not.toHaveBeenCalled();
});
