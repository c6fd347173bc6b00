/** A 3D scene in a frame that is narrower than high: Sage places the camera for the height alone. */

import { type Scene, approach } from "./turning";

/** Half of the camera's angle from bottom to top, on Sage's pages. */
const HALF = Math.PI / 8;

/** Room for the labels around the scene. */
const MARGIN = 1.3;

/** Moves the camera back until the scene fits into the width; without perspective, it does already. */
export function fitWidth({ camera, controls, renderer }: Scene): void {
  const { clientWidth, clientHeight } = renderer.domElement;
  const aspect = clientWidth / clientHeight;
  if (!(aspect < 1) || camera.isOrthographicCamera === true) return;
  const across = Math.atan(Math.tan(HALF) * aspect);
  approach(camera, controls.target, Math.sin(across) / Math.sin(HALF) / MARGIN);
  controls.update();
  controls.dispatchEvent({ type: "change" });
}
