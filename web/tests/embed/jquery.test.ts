import { beforeEach, expect, test, vi } from "vitest";

import { isDeclined, loadJQuery } from "../../src/embed/jquery";

const ADDRESS = "https://cells.test/static/embedded_jquery.js";
const LIBRARY = "window.jQuery = () => 'jQuery';";

let page: Document;
let own: HTMLScriptElement;
let written: string[];
let state: DocumentReadyState;
/** Whether the page's policy allows inline scripts. */
let runsInline: boolean;
let isThere: boolean;

/** A page whose parser waits for the script `own`, which has a nonce. */
beforeEach(() => {
  page = document.implementation.createHTMLDocument();
  own = page.createElement("script");
  own.src = "https://cells.test/static/embedded_sagecell.js";
  own.async = false;
  own.nonce = "n1";
  own.setAttribute("crossorigin", "anonymous");
  written = [];
  state = "loading";
  runsInline = true;
  isThere = false;
  vi.spyOn(page, "currentScript", "get").mockReturnValue(own);
  vi.spyOn(page, "readyState", "get").mockImplementation(() => state);
  vi.spyOn(page, "write").mockImplementation((text) => {
    written.push(text);
    page.head.insertAdjacentHTML("beforeend", text);
  });
  const append = page.head.append.bind(page.head);
  vi.spyOn(page.head, "append").mockImplementation((...nodes) => {
    append(...nodes);
    isThere ||= runsInline && nodes.some((node) => (node as Node).textContent === LIBRARY);
  });
});

function load(options: { request?: () => string; is2G?: boolean } = {}): void {
  const { request = () => LIBRARY, is2G = false } = options;
  loadJQuery(ADDRESS, { document: page, isThere: () => isThere, request, is2G });
}

const addressed = () => [...page.head.querySelectorAll("script")].map(({ src }) => src);

test("the parser runs it next, under the page's policy", () => {
  load();
  expect(written).toHaveLength(1);
  expect(addressed()).toEqual([ADDRESS]);
  const [script] = page.head.querySelectorAll("script");
  expect(script!.getAttribute("nonce")).toBe("n1");
  expect(script!.getAttribute("crossorigin")).toBe("anonymous");
  expect(isThere).toBe(false);
});

test.each([
  ["async", () => (own.async = true)],
  ["defer", () => (own.defer = true)],
  ["an inline copy", () => own.removeAttribute("src")],
  ["a page that has been parsed", () => (state = "interactive")],
])("nothing is written for %s; it runs at once", (_name, change) => {
  change();
  load();
  expect(written).toEqual([]);
  expect(isThere).toBe(true);
  expect(addressed()).toEqual([]);
});

test("it runs at once where writing has no effect", () => {
  vi.spyOn(page, "write").mockImplementation(() => undefined);
  load();
  expect(isThere).toBe(true);
});

test("it runs at once where writing fails", () => {
  vi.spyOn(page, "write").mockImplementation(() => {
    throw new TypeError("Trusted Types");
  });
  load();
  expect(isThere).toBe(true);
});

test("it runs at once on networks on which Chromium would not run it", () => {
  load({ is2G: true });
  expect(written).toEqual([]);
  expect(isThere).toBe(true);
});

test.each([
  ["requests", true],
  ["inline scripts", false],
])("a policy without %s: it comes before the script's own load event", (_name, allowsInline) => {
  runsInline = allowsInline;
  const request = () => {
    if (allowsInline) throw new DOMException("blocked", "NetworkError");
    return LIBRARY;
  };
  own.async = true;
  page.body.append(own);
  const seen: string[] = [];
  own.addEventListener("load", () => seen.push("load"));
  load({ request });
  expect(addressed()).toEqual([ADDRESS]);
  const [script] = page.head.querySelectorAll("script");
  expect(script!.async).toBe(false);
  own.dispatchEvent(new Event("load"));
  expect(seen).toEqual([]);
  script!.dispatchEvent(new Event("load"));
  expect(seen).toEqual(["load"]);
  own.dispatchEvent(new Event("load"));
  expect(seen).toEqual(["load", "load"]);
});

test("only an attribute of the script's own element declines it", () => {
  expect(isDeclined(page)).toBe(false);
  own.dataset["jquery"] = "none";
  expect(isDeclined(page)).toBe(true);
  vi.spyOn(page, "currentScript", "get").mockReturnValue(null);
  expect(isDeclined(page)).toBe(false);
});
