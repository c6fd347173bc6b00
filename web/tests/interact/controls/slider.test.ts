import { describe, expect, test } from "vitest";

import { all, drags, enters, made } from "../fakes";

const CONTINUOUS = {
  control_type: "slider",
  subtype: "continuous",
  range: [0, 10],
  step: 0.1,
  default: 2.5,
  display_value: true,
};
const PLACES = {
  control_type: "slider",
  subtype: "discrete",
  range: [0, 2],
  step: 1,
  values: ["red", "green", "blue"],
  default: 1,
  display_value: true,
};
const range = (place = 0) => all("input[type=range]")[place]!;
const box = (place = 0) => all(".sagecell_interactValueBox")[place]!;

// contract: 4.1
test("the value of a number slider is a float while it is dragged", () => {
  const slider = made(CONTINUOUS);
  expect([range().min, range().max, range().step, range().value]).toEqual([
    "0",
    "10",
    "0.1",
    "2.5",
  ]);
  drags(range(), "7.5");
  drags(range(), "8");
  expect(slider.said).toEqual([7.5, 8]);
  expect(box().value).toBe("8");
  expect(slider.element.classList).toContain("sagecell_sliderContainer");
  expect(slider.element.querySelector(".sagecell_sliderControl")).not.toBeNull();
  expect(slider.labelled).toBe(range());
});

test("a value between two steps stays until the thumb is moved", () => {
  const slider = made({ ...CONTINUOUS, step: 3, default: 2.5 });
  expect(slider.value()).toBe(2.5);
  expect(range().getAttribute("aria-valuetext")).toBe("2.5");
});

test("a value can be typed, and is clamped", () => {
  const slider = made(CONTINUOUS);
  enters(box(), "3.3");
  enters(box(), "99");
  enters(box(), "");
  expect(slider.said).toEqual([3.3, 10]);
  expect(range().value).toBe("10");
  expect(box().value).toBe("10");
  expect(box().getAttribute("aria-label")).toBe("x, value");
});

test("binary rounding noise is neither shown nor announced", () => {
  const slider = made(CONTINUOUS);
  slider.show(0.1 + 0.2);
  expect(box().value).toBe("0.3");
  expect(range().getAttribute("aria-valuetext")).toBe("0.3");
});

test("the value of a list slider is the index, and its text the item", () => {
  const slider = made(PLACES);
  expect(box().textContent).toBe("green");
  drags(range(), "2");
  expect(slider.said).toEqual([2]);
  expect(box().textContent).toBe("blue");
  expect(range().getAttribute("aria-valuetext")).toBe("blue");
});

test("the value is not shown where the author does not want it", () => {
  made({ ...CONTINUOUS, display_value: false });
  expect(all(".sagecell_interactValueBox")).toEqual([]);
});

describe("with two thumbs", () => {
  const RANGE = { ...CONTINUOUS, subtype: "continuous_range", default: [2, 4] };

  test("each is a native slider with a name of its own", () => {
    const slider = made(RANGE);
    expect(all("input[type=range]").map((thumb) => thumb.getAttribute("aria-label"))).toEqual([
      "x, from",
      "x, to",
    ]);
    drags(range(0), "3");
    drags(range(1), "9");
    expect(slider.said).toEqual([
      [3, 4],
      [3, 9],
    ]);
  });

  test("neither passes the other", () => {
    const slider = made(RANGE);
    drags(range(0), "6");
    expect(slider.value()).toEqual([4, 4]);
    expect(range(0).value).toBe("4");
    drags(range(1), "1");
    expect(slider.value()).toEqual([4, 4]);
    enters(box(1), "3");
    expect(slider.value()).toEqual([4, 4]);
    expect(box(1).value).toBe("4");
  });

  test("with both at the right end, the lower one can be moved", () => {
    made({ ...RANGE, default: [10, 10] });
    expect(all(".sagecell_lowOnTop")).toHaveLength(1);
  });

  test("its values may be indices of a list", () => {
    const slider = made({ ...PLACES, subtype: "discrete_range", default: [0, 2] });
    expect(all("output").map((output) => output.textContent)).toEqual(["red", "blue"]);
    drags(range(0), "1");
    expect(slider.said).toEqual([[1, 2]]);
  });

  test("the kernel's values are taken in order", () => {
    const slider = made(RANGE);
    slider.show([8, 3]);
    expect(slider.value()).toEqual([3, 8]);
    slider.show([11]);
    expect(slider.value()).toEqual([8, 10]);
  });
});

describe("several sliders", () => {
  const MULTI = {
    control_type: "multi_slider",
    subtype: "continuous",
    sliders: 2,
    range: [
      [0, 1],
      [0, 5],
    ],
    step: [0.25, 0.5],
    default: [0, 3],
    display_values: true,
  };

  // contract: 4.2
  test("have one list as value; the kernel sets all or one", () => {
    const sliders = made(MULTI);
    drags(range(0), "0.5");
    expect(sliders.said).toEqual([[0.5, 3]]);
    sliders.show([1, 2]);
    sliders.show(4.5, 1);
    expect(sliders.value()).toEqual([1, 4.5]);
    expect(sliders.element.classList).toContain("sagecell_multiSliderControl");
  });

  test("over lists have indices as values", () => {
    const sliders = made({
      ...MULTI,
      subtype: "discrete",
      range: [
        [0, 1],
        [0, 2],
      ],
      values: [
        ["0", "1"],
        ["a", "b", "c"],
      ],
      default: [1, 2],
    });
    expect(all("output").map((output) => output.textContent)).toEqual(["1", "c"]);
    drags(range(1), "0");
    expect(sliders.said).toEqual([[1, 0]]);
  });

  test("ignore unknown indices and clamp values", () => {
    const sliders = made(MULTI);
    sliders.show([7, -7, 7]);
    sliders.show(1, 9);
    sliders.show("five", 0);
    sliders.show({ a: 1 });
    expect(sliders.value()).toEqual([1, 0]);
  });
});

const HOSTILE = [null, "5", NaN, [], [[]], {}, true, "\ud800", Infinity, -Infinity];

test.each(["continuous", "continuous_range", "discrete", "discrete_range", "no such", ""])(
  "whatever is said of a %s slider, there is one, and it has a value in range",
  (subtype) => {
    for (const bad of HOSTILE) {
      const slider = made({
        control_type: "slider",
        subtype,
        range: bad,
        step: bad,
        values: bad,
        default: bad,
      });
      slider.show(bad);
      slider.show(1e9);
      slider.show([-5, 1e9]);
      for (const value of [slider.value()].flat()) {
        expect(Number.isFinite(value)).toBe(true);
      }
      slider.enable(false);
      slider.enable(true);
    }
  },
);
