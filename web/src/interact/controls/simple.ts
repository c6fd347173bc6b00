/** Controls of one element: a checkbox, a colour, HTML. */

import { division } from "../../dom/elements";
import { wordsOf } from "../../protocol/interacts/values";
import type { Json } from "../../protocol/messages";
import { type Control, type Making, enabling, input } from "./control";

/** A checkbox; the value is a boolean. */
export function checkbox({ description, id, changed }: Making<"checkbox">): Control {
  const box = input("checkbox");
  box.id = id;
  box.checked = description.initial;
  box.addEventListener("change", changed);
  return {
    element: box,
    labelled: box,
    value: () => box.checked,
    show(value) {
      if (typeof value === "boolean") box.checked = value;
    },
    enable: enabling(box),
  };
}

/** A colour picker, optionally with a text field; the value is "#rrggbb". */
export function colorSelector(making: Making<"color_selector">): Control {
  const { description, id, label, changed } = making;
  const well = input("color", "sagecell_colorSelector");
  well.id = id;
  const code = input("text", "sagecell_colorCode");
  code.setAttribute("aria-label", `${label}, code`);
  code.spellcheck = false;
  code.maxLength = 7;
  const show = (value: Json) => {
    const colour = colourOf(wordsOf(value));
    if (colour !== null) well.value = colour;
    code.value = well.value;
  };
  show(description.initial);
  well.addEventListener("input", () => {
    code.value = well.value;
    changed();
  });
  code.addEventListener("change", () => {
    const before = well.value;
    show(code.value);
    if (well.value !== before) changed();
  });
  const element = division("sagecell_colorControl", well);
  if (description.hasCode) element.append(code);
  return {
    element,
    labelled: well,
    value: () => well.value,
    show,
    enable: enabling(well, code),
  };
}

/** A hexadecimal colour of three or six digits, with or without "#", as "#rrggbb"; or null. */
function colourOf(words: string): string | null {
  const digits = /^\s*#?([0-9a-f]{6}|[0-9a-f]{3})\s*$/i.exec(words)?.[1]?.toLowerCase();
  if (digits === undefined) return null;
  return `#${digits.length === 6 ? digits : digits.replace(/./g, "$&$&")}`;
}

/** HTML from the kernel, without a value to send. */
export function htmlBox({ description, host }: Making<"html_box">): Control {
  const element = division("sagecell_htmlBox");
  const show = (value: Json) => element.replaceChildren(host.html(wordsOf(value)));
  show(description.html);
  return {
    element,
    labelled: null,
    value: () => undefined,
    show,
    enable: () => undefined,
  };
}
