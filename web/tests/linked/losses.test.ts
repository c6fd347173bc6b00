import { afterEach, beforeEach, expect, test } from "vitest";

import { type LinkedCell, LinkedCells, LossNotice } from "../../src/linked/losses";

let cells: LinkedCells;

function place(): LinkedCell {
  const element = document.createElement("div");
  document.body.append(element);
  return { element, evaluate: () => undefined };
}

beforeEach(() => (cells = new LinkedCells()));
afterEach(() => document.body.replaceChildren());

test("the cells above are in the order of the page, whatever the order of their evaluation", () => {
  const [one, two, three, four] = [place(), place(), place(), place()];
  for (const cell of [three, one, four, two, one]) cells.lose(cell);
  expect(cells.above(three)).toEqual([one, two]);
  expect(cells.above(one)).toEqual([]);
  cells.forget(one);
  cells.forget(one);
  expect(cells.above(four)).toEqual([two, three]);
});

test("a cell that is not on the page is not above another", () => {
  const [gone, moved, last] = [place(), place(), place()];
  for (const cell of [gone, moved]) cells.lose(cell);
  gone.element.remove();
  last.element.after(moved.element);
  expect(cells.above(last)).toEqual([]);
});

test("the notice is announced, and its button is there with it", () => {
  let presses = 0;
  const notice = new LossNotice(() => (presses += 1));
  const words = notice.element.querySelector("[role=status]")!;
  const button = notice.element.querySelector("button")!;
  expect([words.textContent, button.hidden]).toEqual(["", true]);
  notice.show(true);
  expect(words.textContent).toContain("the variables of the cells above are gone");
  expect(button.hidden).toBe(false);
  button.click();
  expect(presses).toBe(1);
  notice.show(false);
  expect([words.textContent, button.hidden]).toEqual(["", true]);
});
