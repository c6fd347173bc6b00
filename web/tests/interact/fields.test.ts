import { expect, test } from "vitest";

import { makePlace } from "../../src/interact/fields";

test("a label of many angle brackets takes as long as any other", () => {
  const place = makePlace({
    name: "n",
    description: { control_type: "color_selector", label: "<".repeat(500_000) },
    id: "c1",
    host: { html: () => document.createElement("span"), typeset: () => undefined },
    changed: () => undefined,
  });
  expect(place.cell.textContent).toBe("");
});
