import { beforeEach, expect, test } from "vitest";

import { createControl } from "../../src/interact";
import { type Control } from "../../src/interact/api";
import { type JsonObject } from "../../src/protocol/messages";
import { settled } from "../fakes";
import { FakeHost, all, drags, enters, tells } from "./fakes";

let host: FakeHost;
let control: Control;

beforeEach(() => {
  host = new FakeHost();
});

function show(content: JsonObject): void {
  control = createControl({ control_id: "c", namespace: "s", variable: ["x"], ...content }, host);
  document.body.replaceChildren(control.element);
}

const changed = (variable: string, by: string | null = null, namespace = "s") =>
  tells(control, "variable", { namespace, variable, control: by });

// contract: 4.6
test("a slider sets its variable, and the latest value wins", async () => {
  show({ control_type: "Slider", label: "x", min: 0, max: 10, step: 0.5, value: 3 });
  const slider = all("input[type=range]")[0]!;
  expect(slider.value).toBe("3");
  for (const value of ["4", "5", "6"]) drags(slider, value);
  await host.answers();
  const update = { namespace: "s", variable: "x", control: "c" };
  expect(host.sent).toEqual([
    { ...update, value: 4 },
    { ...update, value: 6 },
  ]);
  expect(host.asked.map(({ type }) => type)).toEqual(["variable_update", "variable_update"]);
});

// contract: 4.6
test.each([
  ["Checkbox", true, "input[type=checkbox]"],
  ["ExpressionBox", "x^2", "input[type=text]"],
])("%s shows the variable's value", (control_type, value, selector) => {
  show({ control_type, label: "x", value });
  const field = all(selector)[0]!;
  expect(control_type === "Checkbox" ? field.checked : field.value).toBe(value);
});

// contract: 4.6
test("when another sets the variable, it asks for the value and shows it", async () => {
  show({ control_type: "Slider", label: "x", min: 0, max: 10, step: 0.5, value: 3 });
  changed("x");
  expect(host.asked[0]).toMatchObject({
    type: "control_update",
    content: { namespace: "s", control_id: "c", variable: "x" },
  });
  tells(control, "update", { interact_id: "c", control: "x", value: 7 });
  expect(all("input[type=range]")[0]!.value).toBe("7");
  await host.answers();
  expect(host.sent).toHaveLength(1);
});

test("other variables and its own changes are ignored", () => {
  show({ control_type: "Slider", value: 3 });
  changed("y");
  changed("x", "c");
  changed("x", null, "elsewhere");
  tells(control, "variable", {});
  tells(control, "no-such-thing", {});
  expect(host.sent).toEqual([]);
});

test("a region of output asks once for any number of changes", async () => {
  show({ control_type: "OutputRegion", variable: ["x", "y"] });
  expect(all<HTMLElement>(".sagecell_interactOutput")[0]!.firstChild).toBe(host.output);
  changed("x");
  changed("y");
  changed("x");
  changed("y");
  await host.answers();
  expect(host.sent).toHaveLength(2);
  await host.answers();
  expect(host.sent).toHaveLength(2);
});

test("after the kernel's end, it is shown but disabled", async () => {
  show({ control_type: "ExpressionBox", value: "x" });
  const field = all("input")[0]!;
  enters(field, "y");
  await host.dies();
  expect(field.readOnly).toBe(true);
  enters(field, "z");
  changed("x");
  await settled();
  expect(host.sent).toHaveLength(1);
});

test.each([{}, { control_type: "\ud800" }, { variable: "x", value: {}, min: "a" }])(
  "whatever the kernel sends makes something: %j",
  (content) => {
    show({ control_type: "Slider", ...content });
    tells(control, "update", {});
    control.end();
    control.dispose();
    expect(control.element.childElementCount).toBe(1);
  },
);
