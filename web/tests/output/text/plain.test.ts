import { expect, test } from "vitest";

import { textOfHtml } from "../../../src/output/html";
import { displayText } from "../../../src/output/text/plain";
import type { JsonObject } from "../../../src/protocol/messages";

const HTML_REPR = "<IPython.core.display.HTML object>";
const FIGURE = "<Figure size 640x480 with 1 Axes>";
const STYLER = "<pandas.io.formats.style.Styler at 0x7f0d5c0b2f50>";

test.each<[string, JsonObject, JsonObject, string]>([
  ["a value", { "text/plain": "\x1b[31m42\x1b[0m", "text/html": "<b>42</b>" }, {}, "42"],
  [
    "HTML",
    { "text/plain": HTML_REPR, "text/html": "<p>a &lt; <b>b</b></p>c<br>d" },
    {},
    "a < b\nc\nd",
  ],
  ["HTML with a script", { "text/html": "<style>a{}</style>x<script>y</script>" }, {}, "x"],
  [
    "HTML that only scripts fill",
    { "text/plain": HTML_REPR, "text/html": "<div></div><script>y</script>" },
    {},
    "[HTML without text]",
  ],
  [
    "a picture in HTML",
    { "text/html": '<img src="data:," alt="A cat"> sleeps' },
    {},
    "[A cat] sleeps",
  ],
  [
    "a styled table",
    {
      "text/plain": STYLER,
      "text/html":
        "<style>#T td{color:red}</style>\n<table>\n <thead><tr><th>&nbsp;</th><th>a</th></tr></thead>\n" +
        " <tbody>\n <tr> <th>0</th> <td>1.50</td> </tr>\n <tr><th>1</th><td>2.50</td></tr></tbody></table>",
    },
    {},
    "\ta\n0\t1.50\n1\t2.50",
  ],
  ["preformatted text", { "text/html": "<pre>a\n    b</pre>" }, {}, "a\n    b"],
  [
    "Markdown",
    { "text/plain": "<Markdown object>", "text/markdown": ["# A\n", "b"] },
    {},
    "# A\nb",
  ],
  ["a formula", { "text/plain": "<Math object>", "text/latex": "$x$" }, {}, "$x$"],
  [
    "a plot",
    { "text/plain": FIGURE, "image/png": "AAAA" },
    { "image/png": { alt: "Plot: Growth" } },
    "[Plot: Growth]",
  ],
  [
    "a plot without words",
    { "text/plain": FIGURE, "image/png": "AAAA" },
    {},
    "[Picture made by the program]",
  ],
  [
    "a decorative picture",
    { "image/gif": "AAAA" },
    { "image/gif": { alt: "" } },
    "[Picture made by the program]",
  ],
  ["a picture that says what it is", { "text/plain": "x**2", "image/png": "AAAA" }, {}, "x**2"],
  ["another type", { "application/x-new": "1", "text/plain": "<New>" }, {}, "[application/x-new]"],
  ["an object without more", { "text/plain": "<generator object>" }, {}, "<generator object>"],
  ["nothing", {}, {}, ""],
])("%s", (_name, data, metadata, expected) => {
  expect(displayText(data, metadata, textOfHtml)).toBe(expected);
});

test("HTML that is too long to be shown", () => {
  expect(displayText({ "text/html": "x".repeat(5_000_001) }, {}, textOfHtml)).toBe(
    "[HTML of 5000001 characters]",
  );
});
