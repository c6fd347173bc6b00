import { expect, test } from "vitest";

import { all, made } from "../fakes";

const SELECTOR = {
  control_type: "selector",
  subtype: "list",
  values: 3,
  value_labels: ["a", "b", "c"],
  default: 1,
  nrows: 1,
  ncols: 3,
  width: "",
};

// contract: 4.1
test("a list is a select, and its value the index", () => {
  const selector = made(SELECTOR);
  const select = all<HTMLSelectElement>("select")[0]!;
  expect(Array.from(select.options, ({ text }) => text)).toEqual(["a", "b", "c"]);
  expect(selector.value()).toBe(1);
  select.selectedIndex = 2;
  select.dispatchEvent(new Event("change"));
  expect(selector.said).toEqual([2]);
  expect(selector.labelled).toBe(select);
});

test.each(["radio", "button"])("%s choices are radio buttons in a fieldset", (subtype) => {
  const selector = made({ ...SELECTOR, subtype });
  expect(selector.element.tagName).toBe("FIELDSET");
  const marks = all("input[type=radio]");
  expect(marks.map(({ checked }) => checked)).toEqual([false, true, false]);
  expect(new Set(marks.map(({ name }) => name)).size).toBe(1);
  marks[0]!.click();
  expect(selector.said).toEqual([0]);
  selector.show(2);
  expect(marks[2]!.checked).toBe(true);
  expect(selector.said).toEqual([0]);
});

test("choices stand in the columns that the author wants", () => {
  const selector = made({ ...SELECTOR, subtype: "radio", nrows: 2, ncols: 2 });
  expect(selector.element.classList).toContain("sagecell_grid");
  expect(selector.element.style.getPropertyValue("--columns")).toBe("2");
});

test("choices may be formulas", () => {
  made({ ...SELECTOR, subtype: "button", value_labels: ["$x^2$", "$x$", "1"] });
  expect(all("label > span").map((words) => words.dataset["typeset"])).toEqual([
    "yes",
    "yes",
    "yes",
  ]);
});

test.each(["list", "radio", "button"])(
  "the kernel cannot select a missing choice of a %s",
  (subtype) => {
    const selector = made({ ...SELECTOR, subtype });
    for (const [value, place] of [
      [99, 2],
      [-1, 0],
      ["1", 0],
      [null, 0],
      [{}, 0],
    ] as const) {
      selector.show(value);
      expect(selector.value()).toBe(place);
    }
  },
);

test.each([
  { control_type: "selector" },
  { control_type: "selector", subtype: "radio", values: -1, value_labels: "abc", nrows: 0 },
  { control_type: "selector", subtype: "button", value_labels: [null, 1, ["\ud800"]], ncols: "x" },
  { control_type: "selector", subtype: "list", values: 1e9, value_labels: [], default: 1e9 },
  { control_type: "button_bar", values: "many", width: {} },
  { control_type: "button", text: 7, width: -1 },
])("a description of any shape makes a control: %j", (description) => {
  const control = made(description);
  control.show("\udfff");
  expect(control.value() === null || typeof control.value() !== "undefined").toBe(true);
  expect(all("option, input, button").length).toBeLessThanOrEqual(3);
});

test("a button stays pushed until its value has been sent", () => {
  const button = made({ control_type: "button", text: "Go", width: "", default: false });
  expect(button.value()).toBe(false);
  all<HTMLButtonElement>("button")[0]!.click();
  expect(button.said).toEqual([true]);
  button.sent!();
  expect(button.value()).toBe(false);
});

test("a button bar has the index of the pushed button until that has been sent", () => {
  const bar = made({
    control_type: "button_bar",
    values: 3,
    value_labels: ["a", "b", "c"],
    nrows: 1,
    ncols: 3,
    width: "",
    default: null,
  });
  expect(bar.value()).toBeNull();
  all<HTMLButtonElement>("button")[1]!.click();
  expect(bar.said).toEqual([1]);
  expect(bar.element.getAttribute("role")).toBe("group");
  bar.sent!();
  expect(bar.value()).toBeNull();
});

test("disabled buttons and choices have no effect", () => {
  for (const subtype of ["list", "radio", "button"]) made({ ...SELECTOR, subtype }).enable(false);
  const bar = made({ control_type: "button_bar", value_labels: ["a", "b"] });
  bar.enable(false);
  all<HTMLButtonElement>("button")[0]!.click();
  expect(bar.said).toEqual([]);
});
