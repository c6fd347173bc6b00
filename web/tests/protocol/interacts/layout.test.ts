import { expect, test } from "vitest";

import { rowsOf } from "../../../src/protocol/interacts/layout";

// contract: 4.1
test("rows of names with their shares", () => {
  expect(
    rowsOf([
      [
        ["x", 0.25],
        ["y", 0.5],
      ],
      [["_output", 1]],
    ]),
  ).toEqual([
    [
      { name: "x", share: 0.25 },
      { name: "y", share: 0.5 },
    ],
    [{ name: "_output", share: 1 }],
  ]);
});

test("a row whose shares exceed 1 is scaled down in proportion", () => {
  expect(
    rowsOf([
      [
        ["x", 1],
        ["y", 3],
      ],
    ]),
  ).toEqual([
    [
      { name: "x", share: 0.25 },
      { name: "y", share: 0.75 },
    ],
  ]);
});

test.each([undefined, null, 5, "x", {}, [null], [[]], [[5]], [[[5, 5]]], [[[null, "wide"]]]])(
  "%j is no layout",
  (layout) => {
    expect(rowsOf(layout as never)).toEqual([]);
  },
);

test("an invalid width is the whole row", () => {
  expect(rowsOf([[["x", -1]], [["y"]], ["z"]])).toEqual(
    ["x", "y", "z"].map((name) => [{ name, share: 1 }]),
  );
});
