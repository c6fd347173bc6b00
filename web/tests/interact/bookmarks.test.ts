import { beforeEach, expect, test } from "vitest";

import { Bookmarks } from "../../src/interact/bookmarks";
import { decodeSaved } from "../../src/protocol/interacts/content";
import { type JsonObject } from "../../src/protocol/messages";
import { all, presses } from "./fakes";

let values: JsonObject;
let chosen: JsonObject[];
let changes: number;
let bookmarks: Bookmarks;

beforeEach(() => {
  values = { n: 1 };
  chosen = [];
  changes = 0;
  bookmarks = new Bookmarks({
    id: "it",
    values: () => values,
    choose: (these) => chosen.push(these),
    changed: () => (changes += 1),
  });
  document.body.replaceChildren(bookmarks.element);
});

const button = (name: string) =>
  all<HTMLButtonElement>("button").find(
    (element) => (element.getAttribute("aria-label") ?? element.textContent) === name,
  )!;

function keep(name: string): void {
  all("input")[0]!.value = name;
  button("Save").click();
}

// contract: 4.5, 8
test("the kernel's are listed, and selecting one restores its values", () => {
  bookmarks.add("Start", { n: 3 });
  bookmarks.add("End", { n: 9 });
  bookmarks.add("Start", { n: 4 });
  expect(all<HTMLElement>(".sagecell_bookmarks_list li")).toHaveLength(2);
  button("Start").click();
  expect(chosen).toEqual([{ n: 4 }]);
  expect(changes).toBe(0);
});

test("the visitor's own store the current values", () => {
  keep("one");
  values = { n: 2 };
  keep("  two ");
  button("one").click();
  button("two").click();
  expect(chosen).toEqual([{ n: 1 }, { n: 2 }]);
  expect(changes).toBe(2);
});

test("Enter saves; a bookmark needs a name", () => {
  keep("");
  expect(bookmarks.all()).toEqual([]);
  all("input")[0]!.value = "one";
  presses(all("input")[0]!, "Enter");
  expect(bookmarks.all()).toEqual([{ name: "one", values: { n: 1 } }]);
});

test("one can be deleted, and the keyboard focus is kept", () => {
  keep("one");
  button("Delete one").focus();
  button("Delete one").click();
  expect(bookmarks.all()).toEqual([]);
  expect(document.activeElement).toBe(all("input")[0]);
});

test("many in a link take as long as other text", () => {
  const many = Array.from({ length: 10_000 }, (_, at) => ({ name: `b${at}`, values: {} }));
  bookmarks.restore(decodeSaved({ bookmarks: many }).bookmarks);
  expect(bookmarks.all()).toHaveLength(5000);
  expect(bookmarks.element.querySelectorAll("li")).toHaveLength(5000);
});

test("they survive in a link", () => {
  bookmarks.add("Start", { n: 3 });
  const kept = bookmarks.all();
  bookmarks.restore(
    decodeSaved({ bookmarks: [...kept, null, 5, { name: "no values" }] }).bookmarks,
  );
  expect(bookmarks.all()).toEqual(kept);
});

test("read-only interacts have read-only bookmarks", () => {
  bookmarks.enable(false);
  bookmarks.add("Start", { n: 3 });
  button("Start").click();
  keep("one");
  presses(all("input")[0]!, "Enter");
  expect(chosen).toEqual([]);
  expect(bookmarks.all()).toHaveLength(1);
});
