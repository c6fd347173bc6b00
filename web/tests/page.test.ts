import { expect, test } from "vitest";

import html from "../index.html?raw";

const page = new DOMParser().parseFromString(html, "text/html");

test("the server's placeholder exists exactly once", () => {
  const place = '<script type="application/json" id="sagecell-page">{}</script>';
  expect(html.split(place)).toHaveLength(2);
});

test("the page has the ids that the server and pages rely on", () => {
  expect(page.body.id).toBe("sagecell_main");
  expect(page.getElementById("cell")).not.toBeNull();
});

test("it needs no other host and no inline script", () => {
  for (const element of page.querySelectorAll("[src], link[href]")) {
    const address = element.getAttribute("src") ?? element.getAttribute("href")!;
    expect(address).toMatch(/^(\/src\/|static\/|data:)/);
  }
  for (const script of page.querySelectorAll("script:not([type='application/json'])")) {
    expect(script.textContent).toBe("");
  }
});

// contract: 1.1
test("it loads the script for pages before its own module", () => {
  const scripts = Array.from(page.querySelectorAll("script[src]"), (s) => s.getAttribute("src"));
  expect(scripts).toEqual(["static/embedded_sagecell.js", "/src/page.ts"]);
});
