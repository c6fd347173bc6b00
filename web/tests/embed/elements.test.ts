import { afterEach, describe, expect, test } from "vitest";

import { claim, elementsAt, release, roomFor } from "../../src/embed/elements";

function page(html: string): HTMLElement {
  document.body.innerHTML = html;
  return document.body.firstElementChild as HTMLElement;
}

afterEach(() => document.body.replaceChildren());

describe("elements", () => {
  test("are found by selector, as themselves, in lists and jQuery's objects", () => {
    page("<p class=a></p><p class=a></p>");
    const both = [...document.querySelectorAll("p")];
    expect(elementsAt(".a")).toEqual(both);
    expect(elementsAt(both[0])).toEqual([both[0]]);
    expect(elementsAt(document.querySelectorAll("p"))).toEqual(both);
    expect(elementsAt({ length: 2, 0: both[0], 1: both[1] })).toEqual(both);
    expect(elementsAt([both[0], ".a:last-child"])).toEqual(both);
    expect(elementsAt([{ length: 1, 0: both[1] }, "#none", 7, null])).toEqual([both[1]]);
    const endless: unknown[] = [];
    endless.push(endless, ".a");
    expect(new Set(elementsAt(endless))).toEqual(new Set(both));
  });

  test.each([undefined, null, 7, "", "][", ":nope(", {}, { length: 1, 0: "x" }, [[[[[]]]]]])(
    "are none for %j",
    (location) => {
      expect(elementsAt(location)).toEqual([]);
    },
  );

  // contract: 7.3
  test("become cells once, whatever their classes say", () => {
    const element = page("<div class=sagecell></div>");
    expect([claim(element), claim(element)]).toEqual([true, false]);
    release(element);
    expect(claim(element)).toBe(true);
  });

  test("a text area stays in a claimed element around it, with its name and id", () => {
    const area = page('<textarea id="a" class="b" name="n">x</textarea>') as HTMLTextAreaElement;
    const room = roomFor(area);
    expect([room.tagName, room.id, room.className]).toEqual(["DIV", "", "b"]);
    expect(room.firstChild).toBe(area);
    expect([area.id, area.name, area.value]).toEqual(["a", "n", "x"]);
    expect(claim(room)).toBe(false);
    expect(roomFor(area)).toBe(room); // A later call tries again.
  });
});
