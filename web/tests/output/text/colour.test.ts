import { expect, test } from "vitest";

import { type Rgb, contrast, indexed, legible } from "../../../src/output/text/colour";

const PAPER: Rgb = [240, 240, 240];
const NIGHT: Rgb = [43, 43, 43];
const parse = (css: string) => css.match(/\d+/g)!.map(Number) as unknown as Rgb;

test("the palette is xterm's", () => {
  expect(indexed(7)).toEqual({ index: 7 });
  expect(indexed(16)).toEqual({ rgb: [0, 0, 0] });
  expect(indexed(21)).toEqual({ rgb: [0, 0, 255] });
  expect(indexed(231)).toEqual({ rgb: [255, 255, 255] });
  expect(indexed(244)).toEqual({ rgb: [128, 128, 128] });
});

test("contrast is the ratio of WCAG", () => {
  expect(contrast([0, 0, 0], [255, 255, 255])).toBeCloseTo(21);
  expect(contrast([119, 119, 119], [255, 255, 255])).toBeCloseTo(4.48, 2);
});

test("every colour of the palette is legible in both themes", () => {
  for (let index = 16; index < 256; index += 1) {
    const colour = indexed(index) as { rgb: Rgb };
    const { light, dark } = legible(colour.rgb);
    expect(contrast(parse(light), PAPER)).toBeGreaterThanOrEqual(4.5);
    expect(contrast(parse(dark), NIGHT)).toBeGreaterThanOrEqual(4.5);
  }
});

test("a legible colour does not change", () => {
  expect(legible([0, 95, 0]).light).toBe("rgb(0 95 0)");
  expect(legible([200, 200, 200]).dark).toBe("rgb(200 200 200)");
});
