import { describe, expect, test } from "vitest";

import { renderHtml, renderInvisibleHtml, sanitise } from "../../src/output/html";

const address = (name: string) => (name.startsWith("..") ? null : `/files/${name}`);

/** The HTML of `source` after sanitising. */
function clean(source: string): string {
  const box = document.createElement("div");
  box.append(sanitise(source, address).fragment);
  return box.innerHTML;
}

describe("active content", () => {
  test.each([
    ["a script", "<script>alert(1)</script>"],
    ["a handler", "<img src=x onerror=alert(1)>"],
    ["a handler in SVG", "<svg onload=alert(1)><circle r=1 onclick=alert(1) /></svg>"],
    ["a script in SVG", "<svg><script>alert(1)</script></svg>"],
    [
      "foreign content in SVG",
      "<svg><foreignObject><img src=x onerror=alert(1)></foreignObject></svg>",
    ],
    ["a link", "<a href='javascript:alert(1)'>x</a>"],
    ["a link in disguise", "<a href=' java\tscript&colon;alert(1)'>x</a>"],
    ["a link in SVG", "<svg><a xlink:href='javascript:alert(1)'><text>x</text></a></svg>"],
    ["a link to a data page", "<a href='data:text/html,<script>alert(1)</script>'>x</a>"],
    ["a frame", "<iframe srcdoc='<script>alert(1)</script>'></iframe>"],
    ["an object", "<object data='x'></object><embed src='x'>"],
    ["a base", "<base href='http://evil.test/'>"],
    ["a refresh", "<meta http-equiv=refresh content='0;url=http://evil.test/'>"],
    [
      "mathematical namespace tricks",
      "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    ],
  ])("%s is removed", (_name, source) => {
    const left = clean(source).toLowerCase();
    for (const trace of [
      "alert",
      "javascript",
      "<script",
      "onerror",
      "onload",
      "<iframe",
      "evil",
      "<object",
      "<embed",
      "<base",
      "<meta",
    ]) {
      expect(left).not.toContain(trace);
    }
  });

  test.each(["form", "input", "button", "textarea", "select", "dialog"])(
    "a false <%s> is gone",
    (tag) => {
      expect(clean(`<${tag}>Password</${tag}>`)).not.toContain(`<${tag}`);
    },
  );
});

test("the parts of a table stay", () => {
  const table =
    '<table border="1" class="dataframe"><thead><tr style="text-align: right;"><th></th>' +
    '<th colspan="2">x</th></tr></thead><tbody><tr><th>0</th><td>1</td><td>2</td></tr></tbody></table>';
  expect(clean(table)).toBe(table);
});

test("links open a new tab without a referrer", () => {
  expect(clean("<a href='https://x.test/'>x</a>")).toBe(
    '<a href="https://x.test/" target="_blank" rel="noopener noreferrer">x</a>',
  );
  expect(clean("<a href='#below'>x</a>")).toBe('<a href="#below">x</a>');
});

test("cell:// is the address of a file of the kernel", () => {
  expect(clean("<img src='cell://plot 1.png'>")).toBe('<img src="/files/plot 1.png">');
  expect(clean("<a href='CELL://a.csv'>a</a>")).toContain('href="/files/a.csv"');
  expect(clean("<img src='cell://../up.png'>")).toBe("<img>");
});

test("a style sheet at the beginning is not lost", () => {
  expect(clean("<style>p { color: red }</style><p>x</p>")).toContain("color: red");
});

describe("renderHtml", () => {
  test("adds a box", () => {
    const box = renderHtml("<p>hello</p>", address);
    expect(box?.className).toBe("sagecell_html");
    expect(box?.textContent).toBe("hello");
  });

  test.each([
    "<script>f()</script>",
    "<div> </div>",
    "<style>a {}</style>",
    "<div id=plot></div><script>draw()</script>",
    "",
  ])("is null when nothing visible is left: %s", (source) => {
    expect(renderHtml(source, address)).toBeNull();
  });

  test.each([
    "<progress value=3 max=10></progress>",
    "<meter value=0.3></meter>",
    '<div style="height: 9px; background: red"></div>',
    "<style>.bar { height: 9px; background: red }</style><div class=bar></div>",
    "<table><tr><td bgcolor=red></table>",
    "<canvas width=9 height=9></canvas>",
    "<hr>",
  ])("shows what has no text: %s", (source) => {
    const box = renderHtml(source, address);
    expect(box?.querySelector("div > :is(progress, meter, div, table, canvas, hr)")).not.toBeNull();
    expect(box?.querySelector(".sagecell_note")).toBeNull();
  });

  test("says that a script was not run", () => {
    const box = renderHtml("<p>x</p><script>f()</script>", address);
    expect(box?.querySelector(".sagecell_note")?.textContent).toContain("not run");
    expect(renderHtml("<p>x</p>", address)?.querySelector(".sagecell_note")).toBeNull();
  });

  test("style sheets are rewritten", () => {
    const box = renderHtml("<style>} body { display: none }</style><p>x</p>", address);
    for (const style of box?.querySelectorAll("style") ?? []) {
      expect(style.textContent).toMatch(/^@scope \{\n[^]*\}$/);
    }
    expect(box?.textContent).toContain("x");
  });
});

// contract: 4.15
test("a scene among the program's own files is in a sandboxed frame", () => {
  const box = renderHtml(
    '<iframe src="CELL://tmp_1.html" onload="f()" allow="camera"></iframe>',
    address,
  )!;
  const frame = box.querySelector("iframe")!;
  expect(frame.getAttribute("src")).toBe("/files/tmp_1.html");
  expect(frame.getAttribute("sandbox")).toBe("allow-scripts");
  expect(frame.hasAttribute("onload") || frame.hasAttribute("allow")).toBe(false);
});

describe("a name without a path in HTML is that of a file", () => {
  test.each([
    ["<img src=p.png>", "src", "/files/p.png"],
    ["<img src=./p.png>", "src", "/files/p.png"],
    ["<img src='plots/my%20plot.png'>", "src", "/files/plots/my plot.png"],
    ["<img src='100%.png'>", "src", "/files/100%.png"],
    ["<video src='film.mp4#t=3'></video>", "src", "/files/film.mp4#t=3"],
    ["<video poster=p.png></video>", "poster", "/files/p.png"],
    ["<video><source src=film.mp4></video>", "src", "/files/film.mp4"],
    ["<a href=data.csv>data.csv</a>", "href", "/files/data.csv"],
    ["<iframe src='map.html?zoom=3'></iframe>", "src", "/files/map.html?zoom=3"],
    ["<img src=/static/p.png>", "src", "/static/p.png"],
    ["<img src=data:image/png;base64,AA>", "src", "data:image/png;base64,AA"],
    ["<img src=//x.test/p.png>", "src", "//x.test/p.png"],
    ["<a href='#below'>x</a>", "href", "#below"],
    ["<a href='?q=1'>x</a>", "href", "?q=1"],
    ["<img src=../p.png>", "src", null],
  ])("%s", (source, attribute, expected) => {
    const { fragment } = sanitise(source, address);
    const element = fragment.querySelector(`[${attribute}]`);
    expect(element?.getAttribute(attribute) ?? null).toBe(expected);
  });

  test("but not in HTML that is no program's", () => {
    const { fragment } = sanitise("<img src=p.png>", null);
    expect(fragment.querySelector("img")?.getAttribute("src")).toBe("p.png");
  });
});

// contract: 4.15
test("any other frame is removed, and a note says so", () => {
  for (const src of [
    "https://evil.test/",
    "javascript:alert(1)",
    "/kernel",
    "",
    "data:text/html,x",
  ]) {
    const box = renderHtml(`<iframe src="${src}" srcdoc="x"></iframe>`, address)!;
    expect(box.querySelector("iframe")).toBeNull();
    expect(box.textContent).toContain("A frame in this output is not shown");
  }
  const box = renderHtml('<iframe src="https://maps.test/a?b=1"></iframe>', address)!;
  expect(box.querySelector("a")?.getAttribute("href")).toBe("https://maps.test/a?b=1");
  expect(box.textContent).toBe("A frame in this output is not shown: maps.test");
});

describe("renderInvisibleHtml", () => {
  test.each([
    ["<script>f()</script>", "A script in this output was not run."],
    ["<style>p { color: red }</style>", "A style sheet in output only applies to the HTML"],
    ["<input type=range>", "Output cannot have these elements here: <input>."],
  ])("says why: %s", (source, sentence) => {
    const box = renderInvisibleHtml(source, address);
    expect(box.textContent).toContain(sentence);
    expect(box.hidden).toBe(false);
  });

  test.each(["", "  ", "<!-- nothing -->", "<div></div>"])(
    "is hidden for empty HTML: %j",
    (source) => {
      expect(renderInvisibleHtml(source, address).hidden).toBe(true);
    },
  );
});
