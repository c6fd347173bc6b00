/** Several sliders side by side, with one list of values. */

import { division } from "../../dom/elements";
import { listOf } from "../../protocol/interacts/values";
import { type Control, type Making, enabling, group } from "./control";
import { valueBox } from "./slider";
import { Thumb } from "./thumb";

/** Vertical sliders; the value is the list of theirs. */
export function multiSlider({ description, label, changed }: Making<"multi_slider">): Control {
  const { initial, scales, showsValues } = description;
  const bars = scales.map((scale, place) => {
    const name = `${label} ${place + 1}`;
    const thumb: Thumb = new Thumb({
      scale,
      start: initial[place],
      moved: () => {
        box.tell();
        changed();
      },
    });
    thumb.input.setAttribute("aria-label", name);
    thumb.input.setAttribute("aria-orientation", "vertical");
    const box = valueBox({ thumb, label: `${name}, value`, changed });
    const bar = division("sagecell_multiSliderBar", thumb.input);
    if (showsValues) bar.append(box.element);
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
