/** Accessible names of controls that ipywidgets leaves without one. */

/** Names of buttons that show an icon alone, by its class. */
const ICONS: readonly (readonly [icon: string, name: string])[] = [
  ["fa-play", "Play"],
  ["fa-pause", "Pause"],
  ["fa-stop", "Stop"],
  ["fa-retweet", "Repeat"],
];

/** Names the controls in `place`, now and whenever it changes, until the result is called. */
export function keepNamed(place: HTMLElement): () => void {
  const observer = new MutationObserver(() => nameControls(place));
  const attributeFilter = ["class"];
  observer.observe(place, {
    attributeFilter,
    attributes: true,
    characterData: true,
    childList: true,
    subtree: true,
  });
  nameControls(place);
  return () => observer.disconnect();
}

/** Names the controls in `place`. */
export function nameControls(place: HTMLElement): void {
  for (const handle of place.querySelectorAll(".noUi-handle")) {
    const isRange = handle.closest(".noUi-base")?.querySelectorAll(".noUi-handle").length === 2;
    const isLower = handle.classList.contains("noUi-handle-lower");
    const end = isLower ? " from" : " to";
    name(handle, `${labelOf(handle) || "Slider"}${isRange ? end : ""}`);
  }
  for (const field of place.querySelectorAll("input[type=color]")) {
    name(field, labelOf(field) || "Colour");
  }
  for (const button of place.querySelectorAll(".widget-play button")) {
    const icon = ICONS.find(([each]) => button.querySelector(`.${each}`) !== null);
    if (icon !== undefined) name(button, icon[1]);
  }
}

/** The description of the widget that a control is a part of; empty for none. */
function labelOf(control: Element): string {
  const label = control.closest(".jupyter-widgets")?.querySelector(".widget-label");
  return label?.textContent.trim() ?? "";
}

function name(element: Element, words: string): void {
  if (element.getAttribute("aria-label") !== words) element.setAttribute("aria-label", words);
}
