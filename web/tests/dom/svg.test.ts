import { expect, test } from "vitest";

import { wellFormedSvg } from "../../src/dom/svg";

const NAMESPACE = "http://www.w3.org/2000/svg";

/** The root of `source` as an <img> parses it. */
const rootOf = (source: string) =>
  new DOMParser().parseFromString(source, "image/svg+xml").documentElement;

test("well-formed SVG stays as it is", () => {
  const svg = `<?xml version="1.0"?>\n<svg xmlns="${NAMESPACE}" width="9"><rect/></svg>`;
  expect(wellFormedSvg(svg)).toBe(svg);
});

test.each([
  ["without a namespace", '<svg width="9"><rect width="3"/></svg>'],
  ["with an entity of HTML", `<svg xmlns="${NAMESPACE}" width="9"><text>a&nbsp;b</text></svg>`],
  ["with a bare ampersand", `<svg xmlns="${NAMESPACE}" width="9"><text>a & b</text></svg>`],
  ["with attributes without quotes", "<svg width=9><rect width=3></rect></svg>"],
  ["that does not end", '<svg width="9"><rect width="3">'],
])("SVG %s becomes well-formed", (_name, source) => {
  const root = rootOf(wellFormedSvg(source));
  expect(root.namespaceURI).toBe(NAMESPACE);
  expect(root.querySelector("parsererror")).toBeNull();
  expect(root.getAttribute("width")).toBe("9");
  expect(root.firstElementChild?.localName).toMatch(/rect|text/);
});

test("text that is no SVG stays as it is", () => {
  expect(wellFormedSvg("a < b")).toBe("a < b");
});

test("a Trusted Types policy that forbids parsing leaves the text as it is", () => {
  const { prototype } = DOMParser;
  const original = Object.getOwnPropertyDescriptor(prototype, "parseFromString")!;
  Object.defineProperty(prototype, "parseFromString", {
    configurable: true,
    value: () => {
      throw new TypeError("TrustedHTML");
    },
  });
  try {
    expect(wellFormedSvg("<svg/>")).toBe("<svg/>");
  } finally {
    Object.defineProperty(prototype, "parseFromString", original);
  }
});
