/** Choices: drop-down lists, radio buttons (also in the form of buttons), push buttons. */

import { button as pushButton } from "../../dom/elements";
import { clamp, finite } from "../../protocol/interacts/values";
import type { Json } from "../../protocol/messages";
import { type Control, type Making, enabling, group, input } from "./control";

/** A drop-down list or radio buttons; the value is the index of the choice, from 0. */
export function selector(making: Making<"selector">): Control {
  return making.description.looks === "list" ? list(making) : radios(making);
}

function list({ description, id, changed }: Making<"selector">): Control {
  const select = document.createElement("select");
  select.id = id;
  for (const words of description.labels) select.append(new Option(words));
  select.style.width = description.width;
  select.addEventListener("change", changed);
  const show = (value: Json) => {
    const place = placeIn(value, select.options.length);
    if (place !== null) select.selectedIndex = place;
  };
  show(description.initial);
  return {
    element: select,
    labelled: select,
    value: () => Math.max(0, select.selectedIndex),
    show,
    enable: enabling(select),
  };
}

function radios({ description, id, host, changed }: Making<"selector">): Control {
  const { labels, looks, columns, initial } = description;
  const set = document.createElement("fieldset");
  set.className = `sagecell_choices sagecell_${looks}`;
  setColumns(set, columns);
  const marks = labels.map((text) => {
    const mark = input("radio");
    mark.name = id;
    mark.addEventListener("change", changed);
    const words = document.createElement("span");
    words.textContent = text;
    host.typeset(words);
    const label = document.createElement("label");
    label.append(mark, words);
    set.append(label);
    return mark;
  });
  const show = (value: Json) => {
    const mark = marks[placeIn(value, marks.length) ?? -1];
    if (mark) mark.checked = true;
  };
  show(initial);
  return {
    element: set,
    labelled: null,
    value: () =>
      Math.max(
        0,
        marks.findIndex(({ checked }) => checked),
      ),
    show,
    enable: enabling(...marks),
  };
}

/** Push buttons; the value is the index of the one pushed since the last update, or null. */
export function buttonBar({ description, host, changed }: Making<"button_bar">): Control {
  const { labels, columns, width } = description;
  let pushed: number | null = null;
  const buttons = labels.map((words, place) => {
    const element = pushButton(words, "sagecell_interactButton", () => {
      pushed = place;
      changed();
    });
    element.style.width = width;
    host.typeset(element);
    return element;
  });
  const bar = group("sagecell_choices sagecell_buttonBar", ...buttons);
  setColumns(bar, columns);
  return {
    element: bar,
    labelled: null,
    value: () => pushed,
    show: () => undefined,
    enable: enabling(...buttons),
    sent: () => (pushed = null),
    isPush: true,
  };
}

/** A push button; the value is whether it was pushed since the last update. */
export function button({ description, id, label, host, changed }: Making<"button">): Control {
  let pushed = false;
  const element = pushButton(description.text || label, "sagecell_interactButton", () => {
    pushed = true;
    changed();
  });
  element.id = id;
  element.style.width = description.width;
  host.typeset(element);
  return {
    element,
    // Its text is its accessible name.
    labelled: null,
    value: () => pushed,
    show: () => undefined,
    enable: enabling(element),
    sent: () => (pushed = false),
    isPush: true,
  };
}

/** `value` as a valid index below `length`; null for anything but a number. */
function placeIn(value: Json, length: number): number | null {
  const place = finite(value);
  return place === null || length === 0 ? null : clamp(Math.round(place), 0, length - 1);
}

/** Lays parts out in `columns` columns; with null, in as many as fit. */
function setColumns(element: HTMLElement, columns: number | null): void {
  if (columns === null) return;
  element.classList.add("sagecell_grid");
  element.style.setProperty("--columns", String(columns));
}
