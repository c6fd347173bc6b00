import { beforeEach, expect, test, vi } from "vitest";

import { catchLinks } from "../../../src/output/frame/links";

let followed: string[];

beforeEach(() => {
  followed = [];
  const box = document.createElement("div");
  document.body.replaceChildren(box);
  catchLinks(box, (address) => followed.push(address));
});

/** Clicks on an element of `html`; whether the browser would go on with it. */
function click(html: string, selector = "a"): boolean {
  const box = document.body.firstElementChild!;
  box.innerHTML = html;
  const event = new MouseEvent("click", { bubbles: true, cancelable: true, composed: true });
  return box.querySelector(selector)!.dispatchEvent(event);
}

test("links are handed on, wherever in them a click is, and the frame stays", () => {
  expect(click('<a href="https://example.org/"><b>x</b></a>', "b")).toBe(false);
  expect(click('<a href="data.csv" download>x</a>')).toBe(false);
  expect(followed).toEqual(["https://example.org/", new URL("data.csv", document.baseURI).href]);
});

test("names of places in the output lead there", () => {
  const scroll = vi.fn();
  Element.prototype.scrollIntoView = scroll;
  expect(click('<a href="#%C3%A9">x</a><p id="é"></p>')).toBe(false);
  expect(click('<a href="#%ff">x</a>')).toBe(false);
  expect(scroll).toHaveBeenCalledTimes(1);
  expect(followed).toEqual([]);
});

test("what a script has seen to, and what is no link, are left alone", () => {
  expect(click('<a href="javascript:void 0">x</a>')).toBe(true);
  expect(click("<a>x</a>")).toBe(true);
  expect(click("<button type=button>x</button>", "button")).toBe(true);
  const box = document.body.firstElementChild!;
  box.addEventListener("click", (event) => event.preventDefault(), { capture: true, once: true });
  click('<a href="https://example.org/">x</a>');
  expect(followed).toEqual([]);
});
