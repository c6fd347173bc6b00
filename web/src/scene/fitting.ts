/** The distance of a 3D scene: Sage places the camera for the height alone, and without room for labels. */

import { type Scene, approach } from "./turning";

/** Half of the camera's angle from bottom to top, on Sage's pages. */
const HALF = Math.PI / 8;

/** Room for the labels around the scene, which are wider than high. */
const ROOM = { across: 1.3, down: 1.1 };

/** Moves the camera back until scene and labels fit; without perspective, Sage has seen to it. */
export function fit({ camera, controls, renderer }: Scene): void {
  const { clientWidth, clientHeight } = renderer.domElement;
  const aspect = clientWidth / clientHeight;
  if (!(aspect > 0) || camera.isOrthographicCamera === true) return;
  const across = Math.atan(Math.tan(HALF) * aspect);
  const times = Math.max(ROOM.down, (ROOM.across * Math.sin(HALF)) / Math.sin(across));
  approach(camera, controls.target, 1 / times);
  controls.update();
  controls.dispatchEvent({ type: "change" });
}
