/** Sliders with one or two thumbs, over a range of numbers or over a list. */

import { division } from "../../dom/elements";
import { clamp, listOf, shown } from "../../protocol/interacts/values";
import type { Json } from "../../protocol/messages";
import { type Control, type Making, enabling, group, input } from "./control";
import { Thumb } from "./thumb";

/** A slider; the value is a number, or [low, high] for a range. For a list, numbers are indices. */
export function slider(making: Making<"slider">): Control {
  return making.description.isRange ? rangeSlider(making) : singleSlider(making);
}

function singleSlider({ description, id, label, changed }: Making<"slider">): Control {
  const { initial, scale, showsValue } = description;
  const thumb: Thumb = new Thumb({
    scale,
    start: initial,
    moved: () => {
      box.tell();
      changed();
    },
  });
  thumb.input.id = id;
  const box = valueBox({ thumb, label: `${label}, value`, changed });
  const track = division("sagecell_sliderControl", thumb.input);
  const element = division("sagecell_sliderContainer", track);
  if (showsValue) element.append(box.element);
  return {
    element,
    labelled: thumb.input,
    value: () => thumb.value,
    show(value) {
      thumb.place(value);
      box.tell();
    },
    enable: enabling(thumb.input, ...box.fields),
  };
}

/** Two range inputs on one track; neither thumb can pass the other. */
function rangeSlider({ description, label, changed }: Making<"slider">): Control {
  const { initial, scale, showsValue } = description;
  const [from, to] = listOf(initial);
  const moved = (thumb: Thumb) => {
    if (low.value > high.value) thumb.place(thumb === low ? high.value : low.value);
    tell();
    changed();
  };
  const low: Thumb = new Thumb({ scale, start: from, moved: () => moved(low) });
  const high: Thumb = new Thumb({ scale, start: to ?? scale.most, moved: () => moved(high) });
  low.input.setAttribute("aria-label", `${label}, from`);
  high.input.setAttribute("aria-label", `${label}, to`);
  const boxes = [
    valueBox({ thumb: low, label: `${label}, from, value`, changed: () => moved(low) }),
    valueBox({ thumb: high, label: `${label}, to, value`, changed: () => moved(high) }),
  ];
  const track = division("sagecell_sliderControl sagecell_rangeControl", low.input, high.input);
  const tell = () => {
    boxes.forEach((box) => box.tell());
    const share = (thumb: Thumb) => {
      const width = scale.most - scale.least;
      return width === 0 ? "0" : String((thumb.value - scale.least) / width);
    };
    track.style.setProperty("--from", share(low));
    track.style.setProperty("--to", share(high));
    // With both thumbs at the right end, only the lower one can be moved.
    track.classList.toggle("sagecell_lowOnTop", Number(share(low)) > 0.5);
  };
  const show = (value: Json) => {
    const [one, other] = listOf(value);
    if (one !== undefined) low.place(one);
    if (other !== undefined) high.place(other);
    if (low.value > high.value) {
      const lower = high.value;
      high.place(low.value);
      low.place(lower);
    }
    tell();
  };
  show(null);
  const element = group("sagecell_sliderContainer", track);
  if (showsValue) {
    element.append(division("sagecell_rangeValues", ...boxes.map(({ element }) => element)));
  }
  return {
    element,
    labelled: null,
    value: () => [low.value, high.value],
    show,
    enable: enabling(low.input, high.input, ...boxes.flatMap((box) => box.fields)),
  };
}

interface ValueBox {
  readonly element: HTMLElement;
  readonly fields: readonly HTMLInputElement[];
  tell(): void;
}

interface ValueBoxOptions {
  readonly thumb: Thumb;
  readonly label: string;
  readonly changed: () => void;
}

/** Shows a thumb's value: a number field that can be edited, or text for an item of a list. */
export function valueBox({ thumb, label, changed }: ValueBoxOptions): ValueBox {
  const { least, most, step, words } = thumb.scale;
  if (words !== null) {
    const output = document.createElement("output");
    output.className = "sagecell_interactValueBox";
    // The thumb's aria-valuetext is the same.
    output.setAttribute("aria-hidden", "true");
    const tell = () => (output.textContent = thumb.words);
    tell();
    return { element: output, fields: [], tell };
  }
  const field = input("number", "sagecell_interactValueBox");
  field.setAttribute("aria-label", label);
  field.min = String(least);
  field.max = String(most);
  field.step = String(step);
  const tell = () => (field.value = shown(thumb.value));
  tell();
  field.addEventListener("change", () => {
    const typed = field.valueAsNumber;
    const isNew = Number.isFinite(typed) && clamp(typed, least, most) !== thumb.value;
    if (isNew) thumb.place(typed);
    tell();
    if (isNew) changed();
  });
  return { element: field, fields: [field], tell };
}
