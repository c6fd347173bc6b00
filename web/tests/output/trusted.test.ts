import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { renderBundle } from "../../src/output/mime";
import { trusted } from "../../src/output/trusted";
import type { JsonObject } from "../../src/protocol/messages";
import { eventually } from "../eventually";

const FILES = "https://cells.test/kernel/k1/files/";
const showing = trusted({ fileAddress: (name) => FILES + name, fileBase: () => FILES });
const show = (data: JsonObject) => {
  const element = renderBundle(data, {}, showing);
  document.body.append(element);
  return element;
};
/** The words of scripts that ran, and the addresses of scripts to fetch. */
let ran: string[];
/** The event at the end of such a script's loading. */
let ending: "load" | "error";

beforeEach(() => {
  ran = [];
  ending = "load";
  document.addEventListener("ran", hear);
  // jsdom fetches no scripts.
  // eslint-disable-next-line @typescript-eslint/unbound-method -- Applied to elements below.
  const original = Element.prototype.replaceWith;
  vi.spyOn(Element.prototype, "replaceWith").mockImplementation(function (this: Element, ...nodes) {
    original.apply(this, nodes);
    for (const node of nodes) {
      if (!(node instanceof HTMLScriptElement) || node.src === "") continue;
      ran.push(node.src);
      setTimeout(() => node.dispatchEvent(new Event(ending)));
    }
  });
});
afterEach(() => {
  document.removeEventListener("ran", hear);
  document.body.replaceChildren();
});

const hear = (event: Event) => ran.push((event as CustomEvent<string>).detail);
/** A script that reports `words` to this test. */
const say = (words: string) =>
  `document.dispatchEvent(new CustomEvent("ran", { detail: ${words} }))`;

// contract: 4.8
test("HTML becomes part of the page, with addresses of the kernel's files", () => {
  const element = show({
    "text/html": '<form><input></form><img src="CELL://a.png"><a href="cell://b c.txt?m=1">b</a>',
  });
  expect(element.querySelector("form input")).not.toBeNull();
  expect(element.querySelector("img")?.getAttribute("src")).toBe(`${FILES}a.png`);
  expect(element.querySelector("a")?.getAttribute("href")).toBe(`${FILES}b c.txt?m=1`);
});

// contract: 4.15
test("a scene keeps its frame", () => {
  const element = show({ "text/html": '<iframe src="cell://tmp_x.html" width=400></iframe>' });
  expect(element.querySelector("iframe")?.getAttribute("src")).toBe(`${FILES}tmp_x.html`);
});

describe("scripts", () => {
  // contract: 4.8
  test("in HTML run in order, each after the earlier ones have loaded", async () => {
    show({
      "text/html":
        '<script src="https://lib.test/a.js"></script><script>' +
        say("'uses a'") +
        "</script>" +
        '<script type="text/template">no</script><script type="TEXT/JavaScript">' +
        say("'last'") +
        "</script>",
    });
    await eventually(() => expect(ran).toHaveLength(3));
    expect(ran).toEqual(["https://lib.test/a.js", "uses a", "last"]);
  });

  // contract: 4.9
  test("in application/javascript run in a block, each time", async () => {
    const bundle = {
      "application/javascript": `let a = 1; ${say("`a is ${a}`")}`,
      "text/plain": "<js>",
    };
    show(bundle);
    show(bundle);
    await eventually(() => expect(ran).toHaveLength(2));
    expect(ran).toEqual(["a is 1", "a is 1"]);
  });

  test("know the element of their output, also when they go on later", async () => {
    const element = show({
      "application/javascript": `var element; setTimeout(() => ${say("element.className")})`,
    });
    element.className = "mine";
    show({ "application/javascript": "" });
    await eventually(() => expect(ran).toEqual(["mine"]));
    expect("element" in window).toBe(false);
  });

  test("may write where they stand, and what they write is run", async () => {
    // Within a script, only a script's end ends it.
    const inner = JSON.stringify(`<script>${say("'inner'")}</script>`).replaceAll("</", "<\\/");
    const writes = `document.open(); document.write("<b>a"); document.writeln("</b>", ${inner})`;
    const element = show({
      "text/html": `<i></i><script>${writes}; document.close()</script><script>${say("'last'")}</script>`,
    });
    await eventually(() => expect(ran).toEqual(["inner", "last"]));
    const names = Array.from(element.children, ({ localName }) => localName);
    expect(names).toEqual(["i", "script", "b", "script", "script"]);
    expect(Object.hasOwn(document, "write")).toBe(false);
  });

  test("of output that has been cleared do not run", async () => {
    show({ "application/javascript": say("`gone`") }).remove();
    show({ "application/javascript": say("`here`") });
    await eventually(() => expect(ran).toHaveLength(1));
    expect(ran).toEqual(["here"]);
  });

  test("that cannot be loaded do not block others", async () => {
    ending = "error";
    show({
      "text/html": `<script src="https://lib.test/none.js"></script><script>${say("'b'")}</script>`,
    });
    await eventually(() => expect(ran).toEqual(["https://lib.test/none.js", "b"]));
  });
});

// contract: 4.11
test("the first of SageMathCell's types is shown, or else the richest", () => {
  const png = { "image/png": "iVBORw0KGgo=" };
  const html = { "text/html": "<b>x</b>" };
  expect(show({ "text/plain": "x", ...png, ...html }).className).toBe("sagecell_figure");
  expect(show({ "text/plain": "x", ...html, ...png }).className).toBe("sagecell_pageHtml");
  expect(show({ "text/plain": "x", "text/latex": "$x$" }).className).toBe("sagecell_latex");
});

test("with Trusted Types, HTML is sanitised", () => {
  vi.spyOn(HTMLTemplateElement.prototype, "innerHTML", "set").mockImplementation(() => {
    throw new TypeError("This document requires 'TrustedHTML' assignment.");
  });
  const element = show({ "text/html": `<b>x</b><script>${say("1")}</script>` });
  expect(element.querySelector("b")?.textContent).toBe("x");
  expect(ran).toEqual([]);
});
