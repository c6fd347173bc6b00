/** A 3D scene that is turned by a finger, without being in the way of a reader who scrolls the page. */

import { type Scene, orbit } from "./turning";

/** Where a finger was seen last. */
interface Place {
  readonly x: number;
  readonly y: number;
}

/** CSS pixels that a finger moves before it is known what it wants. */
const SLOP = 6;

/**
 * Lets one finger turn the scene if it sets out to the side; if it sets out up or down, it scrolls the
 * page. Two fingers are left to three.js, whose own handling of one would stop all scrolling.
 */
export function turnByTouch({ camera, controls, renderer }: Scene): void {
  const canvas = renderer.domElement;
  /** Null while no finger turns the scene. */
  let last: Place | null = null;
  let isTurning = false;
  canvas.style.touchAction = "pan-y";
  const listen = (type: "touchstart" | "touchmove", act: (touch: Touch) => void) => {
    // Before the listener of three.js, which is on the canvas itself.
    window.addEventListener(
      type,
      (event) => {
        const [touch, ...others] = event.touches;
        if (event.target !== canvas) return;
        if (touch === undefined || others.length > 0) {
          last = null;
          return;
        }
        event.stopImmediatePropagation();
        act(touch);
      },
      { capture: true, passive: true },
    );
  };
  listen("touchstart", (touch) => {
    last = { x: touch.clientX, y: touch.clientY };
    isTurning = false;
  });
  listen("touchmove", (touch) => {
    if (last === null) return;
    const [right, down] = [touch.clientX - last.x, touch.clientY - last.y];
    if (!isTurning && Math.hypot(right, down) < SLOP) return;
    if (!isTurning && Math.abs(down) > Math.abs(right)) {
      last = null;
      return;
    }
    isTurning = true;
    last = { x: touch.clientX, y: touch.clientY };
    // The height of the scene is a whole turn, as it is by mouse.
    const turn = (-2 * Math.PI) / canvas.clientHeight;
    orbit(camera.position, controls.target, turn * right, turn * down);
    controls.update();
  });
}
