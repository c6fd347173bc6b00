import { describe, expect, test } from "vitest";

import { visibleLength } from "../../../src/output/text/length";

const MEGABYTE = "x".repeat(1_000_000);

describe("visibleLength", () => {
  test.each([
    ["text", { "text/plain": "four" }, 4],
    ["a picture", { "image/png": MEGABYTE, "text/plain": "<Figure>" }, 8],
    ["HTML, whose tags count as one", { "text/html": "<p>four</p>", "text/plain": MEGABYTE }, 6],
    ["lines of HTML", { "text/html": ["<p>", "four"], "text/plain": "" }, 5],
    ["a script", { "text/html": `<p>a<script>${MEGABYTE}</script >b`, "text/plain": "" }, 4],
    ["a style sheet", { "text/html": `<STYLE>a>b{}${MEGABYTE}</style>b` }, 2],
    ["a comment", { "text/html": `a<!-- > ${MEGABYTE}-->` }, 2],
    ["a data: address", { "text/html": `a<img src="data:image/png;base64,${MEGABYTE}">` }, 2],
    ["an angle in an attribute", { "text/html": `a<img alt='>' src="d:<p>${MEGABYTE}">b` }, 3],
    ["angles in text", { "text/html": "1 < 2 <3" }, 5],
    ["a tag that does not end", { "text/html": `a<p title="${MEGABYTE}` }, 1_000_011],
    ["a picture in Markdown", { "text/markdown": `a ![b](data:image/png;base64,${MEGABYTE})` }, 8],
    ["a formula", { "text/latex": "$x^2$" }, 5],
    ["HTML without text", { "text/html": "<div>  </div>", "text/plain": "plain" }, 5],
    ["HTML that is not shown", { "text/html": MEGABYTE.repeat(6), "text/plain": "plain" }, 5],
    ["a script alone", { "application/javascript": MEGABYTE }, 0],
    ["a value of the wrong type", { "text/html": 7 }, 0],
  ])("%s", (_name, data, length) => {
    expect(visibleLength(data)).toBe(length);
  });

  test("a bundle that many displays share is measured once", () => {
    const data = { "text/html": "<b>x</b>".repeat(100_000) };
    const lengths = Array.from({ length: 20_000 }, () => visibleLength(data));
    expect(new Set(lengths)).toEqual(new Set([300_000]));
  });

  // In time that is quadratic in the length, these would take hours.
  test.each(["<", "<a ", "<a '", '<a "', "<!--", "<script", "<script>", "<p>", "</", "data:a"])(
    "takes time in proportion to the length: %s",
    (piece) => {
      const source = piece.repeat(4_000_000 / piece.length);
      expect(visibleLength({ "text/markdown": source })).toBeLessThanOrEqual(source.length);
    },
  );
});
