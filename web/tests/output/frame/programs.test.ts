import { expect, test } from "vitest";

import { hasNames, hasPrograms } from "../../../src/output/frame/programs";

test.each([
  "<script>1</script>",
  "<SCRIPT\nsrc='a.js'></SCRIPT>",
  '<script type="module">1</script>',
  "<script type=text/javascript>1</script>",
  '<script type="application/json">{}</script><script>1</script>',
  '<p>a</p><button class="b" onclick="run()">b</button>',
  "<svg/onload=run()>",
  '<img src="x"onerror=run()>',
  '<a href=" javascript:run()">a</a>',
  "<iframe width=3 srcdoc='&lt;script&gt;'></iframe>",
])("%s runs something", (html) => expect(hasPrograms(html)).toBe(true));

test.each([
  "",
  "<p>plain</p>",
  "&lt;script&gt;",
  '<script type="application/json">{}</script>',
  "<script type='text/template'><b>a</b></script>",
  "<pre>on = 3; x onclick = 4</pre>",
  "<scripted>",
  "<a href='https://javascript.example/'>a</a>",
  "<iframe src='cell://scene.html'></iframe>",
  "<style>p { color: red }</style><p>javascript: on=1</p>",
])("%s runs nothing", (html) => expect(hasPrograms(html)).toBe(false));

// A pattern that goes back and forth would take longer than a test may.
test("the longest of hostile texts are looked through", () => {
  const most = 5_000_000;
  const parts = ["<", "<script ", "<a ", "<a on", " type =", "<a x on", '"on', " id", "<a href"];
  for (const part of parts) {
    const html = part.repeat(most / part.length);
    expect(hasPrograms(html)).toBe(part.startsWith("<script"));
    expect(hasNames(html)).toBe(false);
  }
  expect(hasPrograms(`<a ${" ".repeat(most)}`)).toBe(false);
  expect(hasPrograms(`<a on${"a".repeat(most)}`)).toBe(false);
  expect(hasPrograms(`<a href=${" ".repeat(most)}`)).toBe(false);
});

test("elements with names may be meant by a later script", () => {
  expect(hasNames("<div id='plot'></div>")).toBe(true);
  expect(hasNames("<div class=a\nID = plot>")).toBe(true);
  expect(hasNames("<div class='id'></div>")).toBe(false);
});
