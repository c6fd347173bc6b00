import { expect, test } from "vitest";

import { FakeHost, all, drags, enters, made } from "../fakes";

// contract: 4.1
test("the value of a checkbox is a boolean", () => {
  const box = made({ control_type: "checkbox", default: true });
  all("input[type=checkbox]")[0]!.click();
  expect(box.said).toEqual([false]);
  box.show("true");
  expect(box.value()).toBe(false);
  box.show(true);
  expect(box.value()).toBe(true);
});

test("a colour is chosen or typed, and its value is #rrggbb", () => {
  const colour = made({ control_type: "color_selector", default: "#0000ff", hide_input: false });
  const [well, code] = all("input") as [HTMLInputElement, HTMLInputElement];
  expect(well.classList).toContain("sagecell_colorSelector");
  expect(colour.value()).toBe("#0000ff");
  drags(well, "#ff8800");
  expect(code.value).toBe("#ff8800");
  enters(code, "0f0");
  enters(code, "no colour");
  expect(colour.said).toEqual(["#ff8800", "#00ff00"]);
  expect(code.value).toBe("#00ff00");
});

test("the code of a colour is not shown where the author does not want it", () => {
  made({ control_type: "color_selector", default: "#0000ff", hide_input: true });
  expect(all("input[type=text]")).toEqual([]);
});

test.each([null, "red", 5, "#12", "\ud800", ["#123456"]])("%j is no colour", (value) => {
  const colour = made({ control_type: "color_selector", default: "#102030" });
  colour.show(value);
  expect(colour.value()).toBe("#102030");
});

test("HTML is shown like other HTML, and has no value", () => {
  const box = made({ control_type: "html_box", value: "<b>bold</b>" }, new FakeHost());
  expect(all("b")[0]!.textContent).toBe("bold");
  box.show("<i>other</i>");
  expect(all("b")).toEqual([]);
  expect(all("i")).toHaveLength(1);
  expect(box.value()).toBeUndefined();
});

test.each([{}, { control_type: "\ud800" }, { control_type: 5 }, { control_type: "__proto__" }])(
  "a control of no known kind is a note: %j",
  (description) => {
    const control = made(description);
    control.show(1);
    control.enable(false);
    expect(control.value()).toBeUndefined();
    expect(control.element.textContent).toContain("cannot show");
  },
);
