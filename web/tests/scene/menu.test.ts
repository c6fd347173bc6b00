import { beforeEach, expect, test, vi } from "vitest";

import { adaptMenu } from "../../src/scene/menu";

let container: HTMLElement;
let content: HTMLElement;
const save = vi.fn();

beforeEach(() => {
  document.body.innerHTML =
    '<div id="menu">\u24d8\n<div id="message"></div><div id="content"><div>Get camera</div><div>Close</div></div></div>';
  [container, content] = ["menu", "content"].map((id) => document.getElementById(id)!) as [
    HTMLElement,
    HTMLElement,
  ];
  container.addEventListener("click", () => {
    content.style.display = content.style.display === "block" ? "none" : "block";
  });
  content.firstElementChild!.addEventListener("click", save);
  save.mockClear();
  adaptMenu(container, content);
});

const button = () => container.querySelector("button")!;
const press = (target: Element, key: string) =>
  target.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));

test("the menu is opened by a button with a drawn sign and a name", () => {
  expect(container.textContent).not.toContain("\u24d8");
  expect(button().querySelector("svg")).not.toBeNull();
  expect(button().getAttribute("aria-label")).toBe("Menu of the scene");
  expect(button().getAttribute("aria-expanded")).toBe("false");
  button().click();
  expect(content.style.display).toBe("block");
  expect(button().getAttribute("aria-expanded")).toBe("true");
});

test.each(["Enter", " "])("an entry is chosen by the key %j", (key) => {
  button().click();
  const entry = content.firstElementChild as HTMLElement;
  expect([entry.tabIndex, entry.getAttribute("role")]).toEqual([0, "button"]);
  expect(press(entry, key)).toBe(false);
  expect(save).toHaveBeenCalledOnce();
  expect(button().getAttribute("aria-expanded")).toBe("false");
  expect(document.activeElement).toBe(button());
});

test("Escape closes the menu, and does nothing if it is closed", () => {
  expect(press(button(), "Escape")).toBe(true);
  button().click();
  expect(press(content.lastElementChild!, "Escape")).toBe(false);
  expect(content.style.display).toBe("none");
});

test("other keys are left alone", () => {
  expect(press(button(), "Enter")).toBe(true);
  expect(press(content.firstElementChild!, "a")).toBe(true);
  expect(save).not.toHaveBeenCalled();
});
