import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { FirmButtons } from "../../../src/dom/theme/buttons";

let cell: HTMLElement;
let sheets: number;
let buttons: FirmButtons;
/** The style of a button of the class, as the style sheets make it. */
let styles: (className: string) => Record<string, string>;

const PROBE = {
  "--sagecell-probe": "1",
  "background-color": "rgb(1, 2, 3)",
  color: "rgb(1, 2, 3)",
  "border-top-color": "rgb(1, 2, 3)",
  "border-top-width": "7px",
  "border-top-left-radius": "7px",
  "padding-top": "7px",
  "padding-left": "7px",
  "text-transform": "lowercase",
  "letter-spacing": "7px",
};
const CELL = Object.fromEntries(Object.keys(PROBE).map((name) => [name, `the cell's ${name}`]));
const THEME = { "background-color": "green", "text-transform": "uppercase" };
const PAGE = { color: "red" };
const OWN = "sagecell_evalButton";
const without = (name: string) => (name === "" ? PROBE : CELL);
const themed = (name: string) => {
  if (name === "") return { ...PROBE, ...THEME };
  return name === OWN ? { ...CELL, ...THEME } : CELL;
};

beforeEach(() => {
  document.body.innerHTML = "<main><div></div></main>";
  cell = document.querySelector("div")!;
  sheets = 0;
  buttons = new FirmButtons(() => (sheets += 1));
  vi.stubGlobal("getComputedStyle", (button: HTMLElement) => {
    const style = styles(button.className);
    return { getPropertyValue: (name: string) => style[name] ?? "" };
  });
});
afterEach(() => {
  vi.unstubAllGlobals();
  document.body.replaceChildren();
});

test.each<[string, boolean, typeof styles]>([
  ["none", false, without],
  ["one that wins", true, themed],
  [
    "one that loses to the page's rule for cells",
    false,
    (name) => (name === OWN ? { ...CELL, ...THEME, "background-color": "red" } : themed(name)),
  ],
  [
    "one that wins, and a page's rule for something else",
    false,
    (name) => (name === OWN ? { ...themed(name), ...PAGE } : themed(name)),
  ],
  ["none, and a page's rule", false, (name) => (name === OWN ? PAGE : without(name))],
  ["one, and no style sheet of cells", false, () => THEME],
])("a theme's rules for buttons: %s", (_theme, isFirm, found) => {
  styles = found;
  buttons.adapt([cell]);
  expect([cell.className, sheets]).toEqual(isFirm ? ["sagecell_firm", 1] : ["", 0]);
  expect(document.body.querySelector("button, span")).toBeNull();
});

test("a theme may win later, in the dark: the sheet is added once, and stays", () => {
  const other = document.createElement("div");
  document.body.append(other);
  styles = without;
  buttons.adapt([cell, other]);
  expect(sheets).toBe(0);
  styles = themed;
  buttons.adapt([cell, other]);
  expect(sheets).toBe(0);
  buttons.adapt([cell], true);
  buttons.adapt([cell, other], true);
  styles = without;
  buttons.adapt([cell, other], true);
  expect([sheets, cell.className, other.className]).toEqual([1, "sagecell_firm", "sagecell_firm"]);
});

test("of cells in places of one kind, one is looked at", () => {
  document.body.innerHTML =
    '<div class="a"><p></p></div><div class="a"><p></p></div><div class="b"><p></p></div>';
  const cells = Array.from(document.querySelectorAll("p"));
  const looked: string[] = [];
  styles = (name) => {
    looked.push(name);
    return themed(name);
  };
  buttons.adapt(cells.slice(0, 1));
  buttons.adapt(cells);
  expect(looked.filter((name) => name === OWN)).toHaveLength(2);
  expect(cells.map(({ className }) => className)).toEqual(Array(3).fill("sagecell_firm"));
});

test("until the cells' style sheet is there, each look is a new one", () => {
  styles = () => THEME;
  buttons.adapt([cell]);
  styles = themed;
  buttons.adapt([cell]);
  expect(sheets).toBe(1);
});
