/** Every kind of control that a kernel may ask for. */

import { guarded } from "../../dom/errors";
import { textAt } from "../../protocol/messages";
import { button, buttonBar, selector } from "./choices";
import { type Control, type MakeControl, type Making } from "./control";
import { multiSlider } from "./multislider";
import { checkbox, colorSelector, htmlBox } from "./simple";
import { slider } from "./slider";
import { inputBox, inputGrid } from "./texts";

const KINDS: ReadonlyMap<string, MakeControl> = new Map([
  ["button", button],
  ["button_bar", buttonBar],
  ["checkbox", checkbox],
  ["color_selector", colorSelector],
  ["html_box", htmlBox],
  ["input_box", inputBox],
  ["input_grid", inputGrid],
  ["multi_slider", multiSlider],
  ["selector", selector],
  ["slider", slider],
]);

/** A control of the kind that its description names; a note in the place of one that is none. */
export function makeControl(making: Making): Control {
  const kind = textAt(making.description, "control_type").toWellFormed();
  const make = KINDS.get(kind);
  if (make === undefined) {
    return standIn(`A control of a kind that this page cannot show: ${kind || "none"}`);
  }
  const control = guarded(`making the control ${kind}`, () => make(making));
  return control ?? standIn("This control could not be shown.");
}

/** A sentence in the place of a control. */
function standIn(sentence: string): Control {
  const element = document.createElement("span");
  element.className = "sagecell_note";
  element.textContent = sentence;
  return {
    element,
    labelled: null,
    value: () => undefined,
    show: () => undefined,
    enable: () => undefined,
  };
}
