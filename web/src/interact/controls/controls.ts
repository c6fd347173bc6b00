/** All kinds of controls. */

import { guarded } from "../../dom/errors";
import { decodeControl } from "../../protocol/interacts/controls";
import type { JsonObject } from "../../protocol/messages";
import { button, buttonBar, selector } from "./choices";
import type { Control, Kind, MakeControl, Making } from "./control";
import { multiSlider } from "./multislider";
import { checkbox, colorSelector, htmlBox } from "./simple";
import { slider } from "./slider";
import { inputBox, inputGrid } from "./texts";

const KINDS: { readonly [K in Kind]: MakeControl<K> } = {
  button,
  button_bar: buttonBar,
  checkbox,
  color_selector: colorSelector,
  html_box: htmlBox,
  input_box: inputBox,
  input_grid: inputGrid,
  multi_slider: multiSlider,
  selector,
  slider,
  unknown: ({ description: { name } }) =>
    standIn(`This page cannot show this kind of control: ${name || "none"}`),
};

/** The arguments for a control of any kind. */
export interface ControlOptions extends Omit<Making<Kind>, "description"> {
  /** The kernel's description, of any shape. */
  readonly description: JsonObject;
}

/** The control for a description; a note if its kind is unknown, or creating it throws. */
export function makeControl({ description, ...options }: ControlOptions): Control {
  const decoded = decodeControl(description);
  const make = KINDS[decoded.kind] as MakeControl<Kind>;
  const control = guarded(`making the control ${decoded.kind}`, () =>
    make({ ...options, description: decoded }),
  );
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
