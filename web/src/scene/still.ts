/** The still picture of a 3D scene, for browsers that cannot draw the scene. */

/** Whether the browser can draw scenes; a canvas that has no context yet is used up. */
export function canDraw(canvas: HTMLCanvasElement): boolean {
  const context = canvas.getContext("webgl");
  // Browsers allow a page only a few contexts at a time.
  context?.getExtension("WEBGL_lose_context")?.loseContext();
  return context !== null;
}

/** The address of the picture, which is beside the page of the scene. */
export function stillAddress(page: string): string {
  const address = new URL(page);
  address.pathname = address.pathname.replace(/\.html$/, ".png");
  return address.href;
}

/** Shows the picture instead of the scene, and a sentence why. */
export function showStill(body: HTMLElement, address: string, sentence: string): void {
  const picture = document.createElement("img");
  picture.src = address;
  picture.alt = "Still picture of the 3D scene";
  const words = document.createElement("p");
  words.textContent = sentence;
  body.classList.add("still");
  body.replaceChildren(picture, words);
}
