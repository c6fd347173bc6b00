/** Pictures that move, for readers whose system asks for little motion. */

import { button } from "../../dom/elements";

/**
 * Shows the first frame of an animation, with a button that plays it, if the reader prefers little
 * motion; otherwise leaves the animation as it is. The browser itself can stop none.
 */
export function calm(picture: HTMLImageElement, figure: HTMLElement): void {
  if (!matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  const still = document.createElement("canvas");
  still.className = picture.className;
  still.setAttribute("role", "img");
  still.setAttribute("aria-label", picture.alt);
  const play = button("Play animation", "sagecell_play", () => {
    const isPlaying = still.isConnected;
    if (isPlaying) still.replaceWith(picture);
    else picture.replaceWith(still);
    play.textContent = isPlaying ? "Stop animation" : "Play animation";
  });
  const stop = () => {
    const context = still.getContext("2d");
    if (context === null) return;
    [still.width, still.height] = [picture.naturalWidth, picture.naturalHeight];
    context.drawImage(picture, 0, 0); // The first frame.
    picture.replaceWith(still);
    figure.append(play);
  };
  picture.addEventListener("load", stop, { once: true });
}
