import { afterEach, expect, test } from "vitest";

import { Rooms } from "../../src/embed/room";

afterEach(() => document.body.replaceChildren());

test("only elements that the parser has left keep a height, and all are left as they were", () => {
  document.body.innerHTML = "<div><p class=c></p></div><section><p class=c></p></section>";
  document.body.nextSibling?.remove();
  const before = document.body.innerHTML;
  const rooms = new Rooms();
  let asked = 0;
  const keep = () =>
    rooms.keep(".c", () => {
      asked += 1;
      return "3em";
    });
  keep();
  keep();
  const [first, last] = document.querySelectorAll<HTMLElement>(".c");
  expect([first!.style.height, first!.className, last!.style.height]).toEqual([
    "3em",
    "c sagecell",
    "",
  ]);
  expect(asked).toBe(1);
  rooms.release();
  rooms.release();
  expect(document.body.innerHTML.replace(' style=""', "").replaceAll('"', "")).toBe(
    before.replaceAll('"', ""),
  );
});
