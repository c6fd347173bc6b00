/** A 3D scene that is turned by keyboard; three.js itself turns it by mouse and touch. */

/** A point, such as the place of the camera. The z axis points upwards. */
export interface Point {
  x: number;
  y: number;
  z: number;
}

/** The global variables of Sage's page that a camera is moved by. */
export interface Scene {
  readonly camera: {
    readonly position: Point;
    readonly isOrthographicCamera?: boolean;
    zoom: number;
    readonly updateProjectionMatrix: () => void;
  };
  readonly controls: {
    readonly target: Point;
    /** Whether arrow keys shift the scene. */
    enableKeys: boolean;
    readonly update: () => void;
    /** A change makes the page draw again. */
    readonly dispatchEvent: (event: { readonly type: "change" }) => void;
  };
  readonly renderer: { readonly domElement: HTMLCanvasElement };
}

/** Radians of a turn. */
const TURN = Math.PI / 24;

/** The factor by which the scene comes closer. */
const ZOOM = 1.1;

/** The least angle to the z axis: exactly above or below, the camera would have no upwards. */
const LEAST = 0.01;

const LABEL =
  "3D scene. The arrow keys turn it; plus and minus bring it closer and farther away. " +
  "By touch, one finger that moves to the side turns it, and two fingers bring it closer.";

/** Lets the scene have the focus, and keys turn it. */
export function turnByKeys(scene: Scene): void {
  const canvas = scene.renderer.domElement;
  scene.controls.enableKeys = false;
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "application");
  canvas.setAttribute("aria-label", LABEL);
  canvas.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || !isMoved(scene, event.key)) return;
    event.preventDefault(); // Arrow keys would scroll the page.
    scene.controls.update();
    scene.controls.dispatchEvent({ type: "change" });
  });
}

/** Moves the camera as a drag in the direction of an arrow does; false for other keys. */
function isMoved({ camera, controls }: Scene, key: string): boolean {
  switch (key) {
    case "ArrowLeft":
      orbit(camera.position, controls.target, TURN, 0);
      return true;
    case "ArrowRight":
      orbit(camera.position, controls.target, -TURN, 0);
      return true;
    case "ArrowUp":
      orbit(camera.position, controls.target, 0, TURN);
      return true;
    case "ArrowDown":
      orbit(camera.position, controls.target, 0, -TURN);
      return true;
    case "+":
    case "=":
      approach(camera, controls.target, ZOOM);
      return true;
    case "-":
      approach(camera, controls.target, 1 / ZOOM);
      return true;
    default:
      return false;
  }
}

/** Moves `place` on a sphere around `centre`, by angles about the z axis and away from it. */
export function orbit(place: Point, centre: Point, about: number, away: number): void {
  const [x, y, z] = [place.x - centre.x, place.y - centre.y, place.z - centre.z];
  const radius = Math.hypot(x, y, z);
  const azimuth = Math.atan2(y, x) + about;
  const polar = Math.min(Math.max(Math.acos(z / radius) + away, LEAST), Math.PI - LEAST);
  place.x = centre.x + radius * Math.sin(polar) * Math.cos(azimuth);
  place.y = centre.y + radius * Math.sin(polar) * Math.sin(azimuth);
  place.z = centre.z + radius * Math.cos(polar);
}

/** Brings the scene closer, by a factor of its distance from `centre`. */
export function approach(camera: Scene["camera"], centre: Point, factor: number): void {
  if (camera.isOrthographicCamera === true) {
    camera.zoom *= factor;
    camera.updateProjectionMatrix();
    return;
  }
  const { position } = camera;
  position.x = centre.x + (position.x - centre.x) / factor;
  position.y = centre.y + (position.y - centre.y) / factor;
  position.z = centre.z + (position.z - centre.z) / factor;
}
