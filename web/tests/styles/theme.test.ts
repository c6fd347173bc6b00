import { expect, test } from "vitest";

import { type Rgb, contrast } from "../../src/output/text/colour";
import ansi from "../../src/styles/ansi.css?raw";
import theme from "../../src/styles/theme.css?raw";

/** The custom properties of a style sheet in the light theme and in the dark one. */
function colours(sheet: string): [Map<string, Rgb>, Map<string, Rgb>] {
  const pairs = [...sheet.matchAll(/--([\w-]+): light-dark\(#(\w{6}), #(\w{6})\);/g)];
  const of = (time: 2 | 3) =>
    new Map(
      pairs.map((found) => {
        const rgb = found[time]!.match(/\w\w/g)!.map((value) => parseInt(value, 16));
        return [found[1]!, rgb as unknown as Rgb];
      }),
    );
  return [of(2), of(3)];
}

const [day, night] = colours(theme);
const [ansiDay, ansiNight] = colours(ansi);
/** Colours that are not used for text. */
const SURFACES = new Set([
  "paper",
  "panel",
  "rule",
  "edge",
  "error-rule",
  "selection",
  "on-accent",
]);

test.each([
  ["day", day, ansiDay],
  ["night", night, ansiNight],
])("by %s, all text is legible on paper and panel", (_time, surface, terminal) => {
  const grounds = [...terminal].filter(([name]) => name.endsWith("-ground"));
  expect(grounds).toHaveLength(16);
  for (const [name, ground] of grounds) {
    expect(contrast(surface.get("ink")!, ground), name).toBeGreaterThanOrEqual(4.5);
  }
  const inks = [...surface, ...terminal].filter(
    ([name]) => !SURFACES.has(name) && !name.endsWith("-ground"),
  );
  expect(inks.length).toBeGreaterThan(25);
  for (const [name, ink] of inks) {
    const grounds = name.startsWith("ansi") ? ["paper"] : ["paper", "panel"];
    for (const ground of grounds) {
      const ratio = contrast(ink, surface.get(ground)!);
      expect(ratio, `${name} on ${ground}`).toBeGreaterThanOrEqual(4.5);
    }
  }
  for (const ground of ["paper", "panel"]) {
    expect(contrast(surface.get("edge")!, surface.get(ground)!), ground).toBeGreaterThanOrEqual(3);
  }
  expect(contrast(surface.get("on-accent")!, surface.get("accent")!)).toBeGreaterThanOrEqual(4.5);
  expect(contrast(surface.get("ink")!, surface.get("selection")!)).toBeGreaterThanOrEqual(4.5);
});

test.each([
  ["day", day, ansiDay, [240, 240, 240]],
  ["night", night, ansiNight, [43, 43, 43]],
] as const)(
  "by %s, output is legible on the greyest background of a page",
  (...[, inks, ansi, grey]) => {
    for (const [name, ink] of [...inks, ...ansi]) {
      // Programs stand on the panel, in the colours of tokens.
      if (SURFACES.has(name) || /-ground$|^token-/.test(name)) continue;
      expect(contrast(ink, grey), name).toBeGreaterThanOrEqual(4.5);
    }
  },
);
