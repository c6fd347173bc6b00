/** SVG that is not well-formed XML, which an <img> would not show. */

/**
 * `source` as an <img> can show it: unchanged if it is well-formed, or else as HTML parsers read
 * it. They need no namespace declarations, and know entities such as `&nbsp;`.
 */
export function wellFormedSvg(source: string): string {
  try {
    const parser = new DOMParser();
    const { documentElement: root } = parser.parseFromString(source, "image/svg+xml");
    const isSvg = root.namespaceURI === "http://www.w3.org/2000/svg" && root.localName === "svg";
    if (isSvg && root.querySelector("parsererror") === null) return source;
    const svg = parser.parseFromString(source, "text/html").querySelector("svg");
    return svg === null ? source : new XMLSerializer().serializeToString(svg);
  } catch (error) {
    // The page's Trusted Types policy forbids parsing text.
    if (error instanceof TypeError) return source;
    throw error;
  }
}
