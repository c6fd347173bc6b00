import { expect, test } from "vitest";

import { reports } from "../../fakes";
import { FakeHost, all, made } from "../fakes";

test("a control that throws is reported and replaced by a note", () => {
  const reported = reports();
  const host = Object.assign(new FakeHost(), {
    typeset: () => {
      throw new Error("a mistake");
    },
  });
  const control = made({ control_type: "button", text: "Go" }, host);
  expect(control.element.textContent).toBe("This control could not be shown.");
  expect(control.value()).toBeUndefined();
  expect(reported()).toMatchObject([[expect.anything(), { message: "a mistake" }]]);
  made({ control_type: "checkbox", default: true }, host);
  expect(all("input[type=checkbox]")[0]!.checked).toBe(true);
});
