/** Several sliders side by side, with one list of values. */

import { division } from "../../dom/elements";
import { textAt } from "../../protocol/messages";
import { countAt, finite, listAt, listOf, numberAt } from "../description";
import { type Control, type Making, enabling, group } from "./control";
import { valueBox } from "./slider";
import { type Scale, Thumb, numbersIn, placesIn } from "./thumb";

/** More would not be told apart. */
const MOST_SLIDERS = 200;

export function multiSlider({ description, label, changed }: Making): Control {
  const start = listAt(description, "default");
  const count = countAt(description, "sliders", start.length, MOST_SLIDERS);
  const scales = scalesOf(description, count);
  const bars = scales.map((scale, place) => {
    const name = `${label} ${place + 1}`;
    const thumb: Thumb = new Thumb({
      scale,
      start: start[place],
      moved: () => {
        box.tell();
        changed();
      },
    });
    thumb.input.setAttribute("aria-label", name);
    thumb.input.setAttribute("aria-orientation", "vertical");
    const box = valueBox({ thumb, label: `${name}, value`, changed });
    const bar = division("sagecell_multiSliderBar", thumb.input);
    if (description["display_values"] !== false) bar.append(box.element);
    return { thumb, box, bar };
  });
  const place = (index: number, value: Parameters<Thumb["place"]>[0]) => {
    const bar = bars[index];
    if (bar === undefined) return;
    bar.thumb.place(value);
    bar.box.tell();
  };
  return {
    element: group("sagecell_multiSliderControl", ...bars.map(({ bar }) => bar)),
    labelled: null,
    value: () => bars.map(({ thumb }) => thumb.value),
    show(value, index) {
      if (typeof index === "number") place(index, value);
      else listOf(value).forEach((item, at) => place(at, item));
    },
    enable: enabling(...bars.flatMap(({ thumb, box }) => [thumb.input, ...box.fields])),
  };
}

function scalesOf(description: Making["description"], count: number): Scale[] {
  const isDiscrete = textAt(description, "subtype") === "discrete";
  const values = listAt(description, "values");
  const ranges = listAt(description, "range");
  const steps = listAt(description, "step");
  return Array.from({ length: count }, (_, at) => {
    if (isDiscrete) return placesIn(listOf(values[at]).slice());
    const step = finite(steps[at]) ?? numberAt(description, "step", 0);
    return numbersIn(listOf(ranges[at]), step);
  });
}
