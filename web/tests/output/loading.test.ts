import { afterEach, expect, test } from "vitest";

import { renderHtml } from "../../src/output/html";
import { findFiles, retryFiles, retryNewFiles } from "../../src/output/loading";

const address = (name: string) => `https://cells.test/kernel/k1/files/${name}`;

afterEach(() => document.body.replaceChildren());

/** The box for HTML of a program, on the page. */
function shown(source: string): HTMLElement {
  const box = renderHtml(source, address)!;
  document.body.append(box);
  return box;
}

// jsdom loads no pictures.
const fail = (element: Element | null) => element!.dispatchEvent(new Event("error"));
const notes = (box: HTMLElement) =>
  Array.from(box.querySelectorAll(".sagecell_note"), ({ textContent }) => textContent);

test("a file is loaded again when the program has ended, and only then missed", () => {
  const box = shown("<img src=p.png><p>x</p>");
  const image = box.querySelector("img")!;
  fail(image);
  expect(notes(box)).toEqual([]);
  const loads = new MutationObserver(() => undefined);
  loads.observe(image, { attributeFilter: ["src"] });
  retryFiles(document.body);
  expect(loads.takeRecords()).toHaveLength(1);
  fail(image);
  expect(notes(box)).toEqual(["The file p.png could not be loaded."]);
  expect(image.nextElementSibling?.className).toBe("sagecell_note");
  fail(image);
  expect(notes(box)).toHaveLength(1);
  retryFiles(document.body);
  expect(notes(box)).toEqual([]);
});

test("output that is drawn later is tried once, however often something is drawn", () => {
  const box = shown("<img src=p.png>");
  const image = box.querySelector("img")!;
  const loads = new MutationObserver(() => undefined);
  loads.observe(image, { attributeFilter: ["src"] });
  fail(image);
  retryNewFiles(document.body);
  fail(image);
  retryNewFiles(document.body);
  expect(loads.takeRecords()).toHaveLength(1);
  expect(notes(box)).toEqual(["The file p.png could not be loaded."]);
});

test("a frame is loaded again once, since it does not tell whether it has loaded", () => {
  const box = shown("<iframe src=map.html></iframe>");
  const loads = new MutationObserver(() => undefined);
  loads.observe(box.querySelector("iframe")!, { attributeFilter: ["src"] });
  retryFiles(document.body);
  expect(loads.takeRecords()).toHaveLength(1);
  retryFiles(document.body);
  expect(loads.takeRecords()).toHaveLength(0);
});

test("a foreign picture that the page's policy refuses is named", () => {
  const box = shown("<img src=https://pictures.test/a.png><img src=data:image/png;base64,AA>");
  for (const image of box.querySelectorAll("img")) fail(image);
  expect(notes(box)).toEqual([
    "A picture from pictures.test is not shown.",
    "A picture in this output could not be loaded.",
  ]);
});

test("a note names a long file by its beginning", () => {
  const box = shown(`<img src=${"a".repeat(100_000)}.png>`);
  retryFiles(document.body);
  fail(box.querySelector("img"));
  expect(notes(box)).toEqual([`The file ${"a".repeat(100)}… could not be loaded.`]);
});

test("of several sources, only the loss of the last is told", () => {
  const box = shown("<video><source src=https://a.test/1><source src=https://b.test/2></video>");
  const [first, last] = box.querySelectorAll("source");
  fail(first!);
  expect(notes(box)).toEqual([]);
  fail(last!);
  expect(notes(box)).toEqual(["A recording from b.test is not shown."]);
  expect(box.querySelector("video .sagecell_note")).toBeNull();
});

test("a page's own pictures come before those of the program", () => {
  const box = document.createElement("div");
  box.innerHTML = `<img src=p.png><img src=https://x.test/q.png><img src="${address("r.png")}">`;
  findFiles(box, address, address(""));
  document.body.append(box);
  const [own, foreign, named] = box.querySelectorAll("img");
  expect(own!.getAttribute("src")).toBe("p.png");
  fail(own!);
  expect(own!.getAttribute("src")).toBe(address("p.png"));
  fail(own!);
  fail(foreign!);
  expect([notes(box), foreign!.getAttribute("src")]).toEqual([[], "https://x.test/q.png"]);
  retryFiles(box);
  fail(own!);
  fail(named!);
  expect(notes(box)).toEqual([
    "The file p.png could not be loaded.",
    "The file r.png could not be loaded.",
  ]);
});

test("HTML cannot pretend that a foreign frame is a file", () => {
  expect(
    shown('<iframe src="https://x.test/" data-file></iframe>').querySelector("iframe"),
  ).toBeNull();
});
