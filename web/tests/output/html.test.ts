import { describe, expect, test } from "vitest";

import { renderHtml, sanitise } from "../../src/output/html";

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
    "<iframe src=x></iframe>",
  ])("is null when nothing visible is left: %s", (source) => {
    expect(renderHtml(source, address)).toBeNull();
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

// contract: 4.15
test("any other frame is removed", () => {
  for (const src of [
    "https://evil.test/",
    "javascript:alert(1)",
    "/kernel",
    "",
    "data:text/html,x",
  ]) {
    expect(renderHtml(`<iframe src="${src}" srcdoc="x"></iframe>`, address)).toBeNull();
  }
});
