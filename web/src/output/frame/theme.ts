/** How the page around a frame looks, for the frame to look the same. */

import type { Theme } from "../../protocol/frames";

/** Properties whose values are the page's own, or those that a page may set on cells. */
const PROPERTIES = [
  "color",
  "direction",
  "font-family",
  "font-size",
  "line-height",
  "--paper",
  "--panel",
  "--ink",
  "--muted",
  "--rule",
  "--accent",
  "--accent-strong",
  "--on-accent",
  "--error",
  "--error-rule",
  "--good",
  "--serif",
  "--mono",
  "--token-keyword",
  "--token-string",
  "--token-number",
  "--token-comment",
  "--token-name",
];

/**
 * The theme at `frame`, whose style sheet makes its colour white where colours are dark.
 *
 * `place` is the element in which it stands.
 */
export function themeAt(frame: HTMLElement, place: HTMLElement): Theme {
  const style = getComputedStyle(place);
  const values = PROPERTIES.map((name) => [name, style.getPropertyValue(name).trim()] as const);
  const isDark = getComputedStyle(frame).color === "rgb(255, 255, 255)";
  return {
    scheme: isDark ? "dark" : "light",
    properties: Object.fromEntries(values.filter(([, value]) => value !== "")),
  };
}

/** Calls back when the page may have another theme; what this gives ends it. */
export function onThemeChange(changed: () => void): () => void {
  const night = matchMedia("(prefers-color-scheme: dark)");
  night.addEventListener("change", changed);
  // Pages that have a switch for it say so by attributes of these.
  const observer = new MutationObserver(changed);
  for (const element of [document.documentElement, document.body]) {
    observer.observe(element, { attributes: true });
  }
  return () => {
    night.removeEventListener("change", changed);
    observer.disconnect();
  };
}
