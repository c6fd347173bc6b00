/* eslint-disable @typescript-eslint/no-deprecated -- Programs go on calling them. */

import { expect, test } from "vitest";

import { catchWrites } from "../../../src/output/scripts/writes";

test("what is written is caught, and the document stays", () => {
  document.body.textContent = "kept";
  const written: string[] = [];
  const outer = catchWrites((text) => written.push(`outer ${text}`));
  const inner = catchWrites((text) => written.push(text));
  document.open();
  document.write("<b>", "a");
  document.writeln("</b>");
  document.close();
  inner();
  document.write("c");
  outer();
  expect(written).toEqual(["<b>a", "</b>\n", "outer c"]);
  expect(document.body.textContent).toBe("kept");
  expect(Object.getOwnPropertyNames(document)).not.toContain("write");
});
