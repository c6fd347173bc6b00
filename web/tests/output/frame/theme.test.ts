import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { onThemeChange, themeAt } from "../../../src/output/frame/theme";

let night: EventTarget;

beforeEach(() => {
  night = new EventTarget();
  vi.stubGlobal("matchMedia", () => night);
});
afterEach(() => {
  vi.unstubAllGlobals();
  document.body.replaceChildren();
});

test("colours and fonts are those of the place, and dark where the frame's colour is white", () => {
  const place = document.createElement("div");
  const frame = document.createElement("iframe");
  place.append(frame);
  document.body.append(place);
  place.style.cssText = "color: rgb(1, 2, 3); --ink: light-dark(red, blue); --other: 1";
  frame.style.color = "black";
  const { scheme, properties } = themeAt(frame, place);
  expect(scheme).toBe("light");
  expect(properties).toMatchObject({ color: "rgb(1, 2, 3)", "--ink": "light-dark(red, blue)" });
  expect(properties).not.toHaveProperty("--other");
  frame.style.color = "white";
  expect(themeAt(frame, place).scheme).toBe("dark");
});

test("another theme is told, whoever chose it, until that is called off", async () => {
  const changed = vi.fn();
  const end = onThemeChange(changed);
  night.dispatchEvent(new Event("change"));
  expect(changed).toHaveBeenCalledTimes(1);
  document.documentElement.className = "night";
  await vi.waitFor(() => expect(changed).toHaveBeenCalledTimes(2));
  end();
  night.dispatchEvent(new Event("change"));
  document.documentElement.removeAttribute("class");
  await Promise.resolve();
  expect(changed).toHaveBeenCalledTimes(2);
});
