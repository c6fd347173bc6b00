/**
 * The script of pages with a 3D scene.
 *
 * Such a page is Sage's, and a file of the kernel, in a frame of the output. It loads three.js and this
 * script before its own, whose camera, controls and renderer are global variables.
 */

import { fit } from "./scene/fitting";
import { adaptMenu } from "./scene/menu";
import { canDraw, showStill, stillAddress } from "./scene/still";
import { turnByTouch } from "./scene/touching";
import { type Scene, turnByKeys } from "./scene/turning";

const UNDRAWN = "This browser cannot draw 3D scenes: it has no WebGL. This is a still picture.";
const STOPPED =
  "The browser has stopped drawing this scene, since there are too many. This is a still picture.";

/**
 * The entries of Sage's menu that save files do nothing in a sandboxed frame. A scene is a white card, as
 * pictures are, whose white does not glare in the dark.
 */
const STYLE = `
:root { color-scheme: light dark; }
canvas, .still {
  display: block; border-radius: 6px; mask: linear-gradient(light-dark(#000, #000000e0) 0 0);
}
canvas:focus-visible, #menu-container :focus-visible { outline: 3px solid #1a73e8; outline-offset: -3px; }
#menu-container { bottom: 8px; right: 8px; color: black; font: 14px sans-serif; }
#menu-container button { display: block; padding: 10px; border: 0; background: none; color: inherit; cursor: pointer; }
#menu-content div { cursor: pointer; }
#menu-content div[onclick^="saveAs"] { display: none; }
.still { background: white; color: black; font: 14px sans-serif; text-align: center; }
.still img { max-width: 100%; max-height: calc(100vh - 3em); }
.still p { margin: 0.5em; }
`;

const isDrawable = canDraw(document.createElement("canvas"));
const sheet = document.createElement("style");
sheet.textContent = STYLE;
document.head.append(sheet);

function still(sentence: string): void {
  showStill(document.body, stillAddress(location.href), sentence);
}

document.addEventListener("DOMContentLoaded", () => {
  const { camera, controls, renderer } = window as unknown as Partial<Scene>;
  if (!isDrawable || camera === undefined || controls === undefined || renderer === undefined) {
    still(UNDRAWN);
    return;
  }
  const scene = { camera, controls, renderer };
  fit(scene);
  turnByKeys(scene);
  turnByTouch(scene);
  const [menu, entries] = ["menu-container", "menu-content"].map((id) =>
    document.getElementById(id),
  );
  if (menu && entries) adaptMenu(menu, entries);
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) {
    document.querySelector<HTMLElement>("#animation-ui.playing .play-pause")?.click();
  }
  renderer.domElement.addEventListener("webglcontextlost", () => still(STOPPED));
});

// The wheel zooms only while the scene has the focus: it stops no reader who scrolls the page.
window.addEventListener(
  "wheel",
  (event) => {
    if (!document.hasFocus()) event.stopImmediatePropagation();
  },
  { capture: true, passive: true },
);
