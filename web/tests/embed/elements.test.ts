import { afterEach, describe, expect, test } from "vitest";

import { claim, elementsAt, programFor, release, roomFor } from "../../src/embed/elements";

function page(html: string): HTMLElement {
  document.body.innerHTML = html;
  return document.body.firstElementChild as HTMLElement;
}

afterEach(() => document.body.replaceChildren());

// contract: 7.1
describe("the program for a cell", () => {
  const program = (html: string, code?: unknown, codeLocation?: unknown) =>
    programFor(code, codeLocation, page(html));

  test("is the option `code`", () => {
    expect(program("<div><script>in()</script></div>", " told() \n", "#x")).toBe("told()");
    expect(program("<div>in</div>", "")).toBe("");
    expect(program("<div>in</div>", 7)).toBe("7");
  });

  test("is elsewhere, as that element's HTML", () => {
    const html = "<div>in</div><pre id=there>\na &lt; b\n</pre>";
    expect(program(html, undefined, "#there")).toBe("a &lt; b");
    expect(program(html, undefined, "#nowhere")).toBe("in");
  });

  test.each(["text/x-sage", "text/code", "text/javascript-not", "application/x-anything", ""])(
    "is in a script of type %j, whatever else there is",
    (type) => {
      const html = `<div>text <script type="${type}">
a < b && "&lt;"
</script><textarea>area</textarea></div>`;
      expect(program(html)).toBe('a < b && "&lt;"');
    },
  );

  test("is in a text area, in it or as it", () => {
    expect(program("<div><textarea> a &lt; b\n</textarea></div>")).toBe("a < b");
    expect(program("<textarea>2 &lt; 3</textarea>")).toBe("2 < 3");
  });

  test("is the element's text", () => {
    expect(program("<pre>\n  a &lt; <b>b</b>\n</pre>")).toBe("a < b");
  });
});

describe("elements", () => {
  test("are found by selector, as themselves, in lists and jQuery's objects", () => {
    page("<p class=a></p><p class=a></p>");
    const both = [...document.querySelectorAll("p")];
    expect(elementsAt(".a")).toEqual(both);
    expect(elementsAt(both[0])).toEqual([both[0]]);
    expect(elementsAt(document.querySelectorAll("p"))).toEqual(both);
    expect(elementsAt({ length: 2, 0: both[0], 1: both[1] })).toEqual(both);
  });

  test.each([undefined, null, 7, "", "][", ":nope(", {}, { length: 1, 0: "x" }])(
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

  test("a text area is replaced by a claimed element with its id", () => {
    const room = roomFor(page('<textarea id="a" class="b">x</textarea>'));
    expect([room.tagName, room.id, room.className]).toEqual(["DIV", "a", "b"]);
    expect(document.querySelector("textarea")).toBeNull();
    expect(claim(room)).toBe(false);
  });
});
