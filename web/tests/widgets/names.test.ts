import { beforeEach, expect, test } from "vitest";

import { keepNamed, nameControls } from "../../src/widgets/names";
import { settled } from "../fakes";

let place: HTMLElement;

beforeEach(() => {
  place = document.createElement("div");
});

const names = (selector: string) =>
  Array.from(place.querySelectorAll(selector), (each) => each.getAttribute("aria-label"));

const slider = (label: string, handles: string) =>
  `<div class="jupyter-widgets"><label class="widget-label">${label}</label>` +
  `<div class="noUi-base">${handles}</div></div>`;
const LOWER = '<div class="noUi-handle noUi-handle-lower"></div>';
const UPPER = '<div class="noUi-handle noUi-handle-upper"></div>';

test("handles have the description of their slider, and the ends of a range differ", () => {
  place.innerHTML = slider("n", LOWER) + slider("range", LOWER + UPPER) + slider("", LOWER);
  nameControls(place);
  expect(names(".noUi-handle")).toEqual(["n", "range from", "range to", "Slider"]);
});

test("fields for colours have the description, too", () => {
  const field = '<input type="color" />';
  place.innerHTML = `<div class="jupyter-widgets"><label class="widget-label">ink</label>${field}</div>${field}`;
  nameControls(place);
  expect(names("input")).toEqual(["ink", "Colour"]);
});

test("buttons of a player say what they do, also when that changes", async () => {
  const end = keepNamed(place);
  const buttons = ["play", "stop", "retweet", "other"].map(
    (icon) => `<button><i class="fa fa-${icon}"></i></button>`,
  );
  place.innerHTML = `<div class="widget-play">${buttons.join("")}</div>`;
  await settled();
  expect(names("button")).toEqual(["Play", "Stop", "Repeat", null]);
  place.querySelector("i")!.className = "fa fa-pause";
  await settled();
  expect(names("button")[0]).toBe("Pause");
  end();
  end();
  place.querySelector("i")!.className = "fa fa-play";
  await settled();
  expect(names("button")[0]).toBe("Pause");
});
