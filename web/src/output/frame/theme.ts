/** Colours and fonts of the page around a frame. */

import type { Theme } from "../../protocol/frames";

/** Inherited properties, and custom ones that a page may set on cells. */
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
  "--edge",
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
 * The theme of `place`, the element around `frame`.
 *
 * styles/output.css sets the frame's colour to white if the colour scheme is dark.
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
