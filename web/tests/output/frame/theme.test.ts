import { afterEach, expect, test } from "vitest";

import { themeAt } from "../../../src/output/frame/theme";

afterEach(() => document.body.replaceChildren());

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
