import { describe, expect, test } from "vitest";

import { findRoot } from "../../src/embed/root";

function root(html: string, told?: unknown): string {
  const page = document.implementation.createHTMLDocument();
  page.head.innerHTML = `<base href="https://book.test/a/b.html">${html}`;
  return findRoot(told, page);
}

// contract: 6.4
describe("the server's root", () => {
  test.each([
    ["https://x.test/static/embedded_sagecell.js", "https://x.test/"],
    ["https://x.test/embedded_sagecell.js", "https://x.test/"],
    ["https://x.test/sub/static/embedded_sagecell.js?v=1", "https://x.test/sub/"],
    ["/static/embedded_sagecell.js", "https://book.test/"],
    ["//x.test/static/embedded_sagecell.js", "https://x.test/"],
    ["http://sagecell.sagemath.org/static/embedded_sagecell.js", "https://sagecell.sagemath.org/"],
    ["http://other.test/static/embedded_sagecell.js", "http://other.test/"],
  ])("of %s is %s", (source, expected) => {
    expect(root(`<script src="${source}"></script><script src="later.js"></script>`)).toBe(
      expected,
    );
  });

  test("is the last script's", () => {
    const scripts = ["one", "two"].map(
      (host) => `<script src="https://${host}.test/static/embedded_sagecell.js"></script>`,
    );
    expect(root(scripts.join(""))).toBe("https://two.test/");
  });

  test("is in the last sagecell-root link, whatever the scripts are", () => {
    const html =
      '<link property="sagecell-root" href="https://one.test"><link property="sagecell-root" href="/two">' +
      '<script src="https://x.test/static/embedded_sagecell.js"></script>';
    expect(root(html)).toBe("https://book.test/two/");
  });

  test("is the configured one before all others", () => {
    const html = '<link property="sagecell-root" href="https://one.test/">';
    expect(root(html, "https://told.test")).toBe("https://told.test/");
    expect(root(html, 7)).toBe("https://one.test/");
  });

  test("is the page's own base without links and scripts", () => {
    expect(root("")).toMatch(/^https:\/\/book\.test\//);
  });
});
