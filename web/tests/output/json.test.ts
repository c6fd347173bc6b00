import { expect, test } from "vitest";

import { renderJson } from "../../src/output/json";

test("a simple value has no branches", () => {
  expect(renderJson("a <b>").textContent).toBe('"a <b>"');
  expect(renderJson(null).querySelector(".json_null")?.textContent).toBe("null");
  expect(renderJson(1.5).querySelector(".json_number")?.textContent).toBe("1.5");
});

test("the root is open; other branches are created when they are opened", () => {
  const element = renderJson({ a: 1, inner: { b: [2, 3] } });
  const [outer, inner] = element.querySelectorAll("details");
  expect(outer?.open).toBe(true);
  expect(element.textContent).toBe("{2}a: 1inner: {1}");
  inner!.open = true;
  inner!.dispatchEvent(new Event("toggle"));
  expect(inner?.textContent).toBe("inner: {1}b: [2]");
  inner!.dispatchEvent(new Event("toggle"));
  expect(inner?.textContent).toBe("inner: {1}b: [2]");
});

test("a long list is shown a hundred at a time", () => {
  const element = renderJson(Array.from({ length: 250 }, (_, i) => i));
  expect(element.querySelectorAll(".json_number")).toHaveLength(100);
  element.querySelector("button")!.click();
  expect(element.querySelectorAll(".json_number")).toHaveLength(200);
  expect(element.querySelector("button")?.textContent).toBe("50 more");
  element.querySelector("button")!.click();
  expect(element.querySelectorAll(".json_number")).toHaveLength(250);
  expect(element.querySelector("button")).toBeNull();
});
