import { afterEach, expect, test, vi } from "vitest";

import { calm } from "../../../src/output/pictures/motion";

afterEach(() => void vi.unstubAllGlobals());

/** A figure with an animation that has been loaded, for a reader with this preference. */
function figureFor(reduced: boolean, context: unknown = { drawImage: vi.fn() }) {
  vi.stubGlobal("matchMedia", () => ({ matches: reduced }));
  vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockReturnValue(context as never);
  const figure = document.createElement("div");
  const picture = document.createElement("img");
  picture.alt = "A wave";
  figure.append(picture);
  document.body.replaceChildren(figure);
  calm(picture, figure);
  picture.dispatchEvent(new Event("load"));
  return { figure, picture };
}

test("an animation moves where nothing speaks against it", () => {
  const { figure, picture } = figureFor(false);
  expect([...figure.children]).toEqual([picture]);
});

test("a reader who prefers little motion sees its first frame, and may play it", () => {
  const { figure, picture } = figureFor(true);
  expect(figure.contains(picture)).toBe(false);
  expect(figure.querySelector("canvas")?.getAttribute("aria-label")).toBe("A wave");
  const button = figure.querySelector("button")!;
  expect(button.textContent).toBe("Play animation");
  button.click();
  expect(figure.contains(picture)).toBe(true);
  expect(button.textContent).toBe("Stop animation");
  button.click();
  expect(figure.contains(picture)).toBe(false);
  expect(button.textContent).toBe("Play animation");
});

test("where nothing can be drawn, the animation stays", () => {
  const { figure, picture } = figureFor(true, null);
  expect([...figure.children]).toEqual([picture]);
});
