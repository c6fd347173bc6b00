import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { Surroundings, luminanceOf, onThemeChange } from "../../src/dom/scheme";
import { eventually } from "../eventually";

const schemeOf = (element: HTMLElement) => element.style.getPropertyValue("--sagecell-scheme");

let night: EventTarget;
let cell: HTMLElement;

beforeEach(() => {
  night = new EventTarget();
  vi.stubGlobal("matchMedia", () => night);
  cell = document.createElement("div");
  const column = document.createElement("main");
  column.append(cell);
  document.body.append(column);
});
afterEach(() => {
  vi.unstubAllGlobals();
  document.body.replaceChildren();
  document.body.removeAttribute("style");
});

test.each([
  ["rgb(0, 0, 0)", 0],
  ["rgb(255, 255, 255)", 1],
  ["rgba(255, 255, 255, 0.9)", 1],
  ["color(srgb 1 1 1)", 1],
  ["oklch(1 0 none)", 1],
  ["oklab(0 0 0 / 0.8)", 0],
  ["lab(100 0 0)", 1],
  ["rgba(0, 0, 0, 0)", null],
  ["rgba(0, 0, 0, 0.5)", null],
  ["oklch(0.2 0.1 20 / 0)", null],
  ["", null],
  ["transparent", null],
  ["wide-gamut(1 1 1)", null],
])("%j has the luminance %j", (colour, luminance) => {
  const found = luminanceOf(colour);
  if (luminance === null) expect(found).toBeNull();
  else expect(found).toBeCloseTo(luminance, 2);
});

test.each([
  ["rgb(32, 32, 36)", "dark", "rgb(32, 32, 36)"],
  ["rgb(80, 80, 80)", "dark", ""],
  ["#fffdf5", "light", "rgb(255, 253, 245)"],
  ["rgb(200, 200, 200)", "light", ""],
  ["", "", ""],
])("a page painted %j has cells that are %j, painted %j", async (ground, scheme, own) => {
  document.body.style.backgroundColor = ground;
  new Surroundings().add(cell);
  await Promise.resolve();
  expect(schemeOf(cell)).toBe(scheme);
  expect(cell.style.getPropertyValue("--sagecell-ground")).toBe(own);
});

test("cells that are added later cost no look at the others, nor those that were removed", async () => {
  const surroundings = new Surroundings();
  surroundings.add(cell);
  await Promise.resolve();
  const looked = vi.spyOn(window, "getComputedStyle");
  const [later, removed] = [document.createElement("div"), document.createElement("div")];
  cell.after(later, removed);
  surroundings.add(later);
  surroundings.add(removed);
  surroundings.remove(removed);
  await Promise.resolve();
  const cells = looked.mock.calls.map(([element]) => element);
  expect(cells).toContain(later);
  expect(cells).not.toContain(cell);
  expect(cells).not.toContain(removed);
});

test("the background of the page's own rule for the cell counts more", async () => {
  document.body.style.backgroundColor = "black";
  cell.style.backgroundColor = "white";
  new Surroundings().add(cell);
  await Promise.resolve();
  expect(schemeOf(cell)).toBe("light");
  expect(cell.style.getPropertyValue("--sagecell-ground")).toBe("");
});

test("a body that is a cell stays as it is", async () => {
  document.body.style.backgroundColor = "black";
  new Surroundings().add(document.body);
  await Promise.resolve();
  expect(schemeOf(document.body)).toBe("");
});

test("cells follow the page's switch, until they are removed", async () => {
  const surroundings = new Surroundings();
  surroundings.add(cell);
  document.body.style.backgroundColor = "black";
  await eventually(() => expect(schemeOf(cell)).toBe("dark"));
  document.body.style.backgroundColor = "white";
  await eventually(() => expect(schemeOf(cell)).toBe("light"));
  surroundings.remove(cell);
  document.body.style.backgroundColor = "black";
  night.dispatchEvent(new Event("change"));
  expect(schemeOf(cell)).toBe("light");
});

test("tells which cells were added, and all after a change of the theme", async () => {
  const told: number[] = [];
  const surroundings = new Surroundings((cells) => told.push(cells.length));
  const other = document.createElement("div");
  document.body.append(other);
  for (const each of [cell, cell, other]) surroundings.add(each);
  await Promise.resolve();
  surroundings.add(other);
  await Promise.resolve();
  night.dispatchEvent(new Event("change"));
  other.remove();
  night.dispatchEvent(new Event("change"));
  const faded = new Event("transitionend");
  document.dispatchEvent(Object.assign(faded, { propertyName: "background-color" }));
  expect(told).toEqual([2, 1, 2, 1]);
});

test("another theme is told, whoever chose it, until that is called off", async () => {
  const changed = vi.fn();
  const end = onThemeChange(changed);
  night.dispatchEvent(new Event("change"));
  expect(changed).toHaveBeenCalledTimes(1);
  document.documentElement.className = "night";
  await eventually(() => expect(changed).toHaveBeenCalledTimes(2));
  const fade = (propertyName: string) =>
    document.dispatchEvent(Object.assign(new Event("transitionend"), { propertyName }));
  fade("background-color");
  fade("opacity");
  expect(changed).toHaveBeenCalledTimes(3);
  end();
  fade("background-color");
  night.dispatchEvent(new Event("change"));
  document.documentElement.removeAttribute("class");
  await Promise.resolve();
  expect(changed).toHaveBeenCalledTimes(3);
});
