/** One of several: a list, radio buttons, radio buttons that look like buttons, push buttons. */

import { button as pushButton } from "../../dom/elements";
import { type Json, type JsonObject, textAt } from "../../protocol/messages";
import { clamp, finite, listAt, wordsOf } from "../description";
import { type Control, type Making, enabling, group, input } from "./control";

/** The value is the place of what is chosen, from 0. */
export function selector(making: Making): Control {
  return textAt(making.description, "subtype") === "list" ? list(making) : radios(making);
}

function list({ description, id, changed }: Making): Control {
  const select = document.createElement("select");
  select.id = id;
  for (const words of labelsOf(description)) select.append(new Option(words));
  setWidth(select, description);
  select.addEventListener("change", changed);
  const show = (value: Json) => {
    const place = placeIn(value, select.options.length);
    if (place !== null) select.selectedIndex = place;
  };
  show(description["default"] ?? 0);
  return {
    element: select,
    labelled: select,
    value: () => Math.max(0, select.selectedIndex),
    show,
    enable: enabling(select),
  };
}

function radios({ description, id, host, changed }: Making): Control {
  const labels = labelsOf(description);
  const marks = labels.map(() => {
    const mark = input("radio");
    mark.name = id;
    mark.addEventListener("change", changed);
    return mark;
  });
  const rows = marks.map((mark, place) => {
    const words = document.createElement("span");
    words.textContent = labels[place]!;
    host.typeset(words);
    const label = document.createElement("label");
    label.append(mark, words);
    return label;
  });
  const set = document.createElement("fieldset");
  const looks = textAt(description, "subtype") === "button" ? "buttons" : "radios";
  set.className = `sagecell_choices sagecell_${looks}`;
  set.append(...rows);
  setColumns(set, description, labels.length);
  const show = (value: Json) => {
    const place = placeIn(value, marks.length);
    if (place !== null) marks[place]!.checked = true;
  };
  show(description["default"] ?? 0);
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

/** The value is the place of the button that was pushed; null when none was since the last time. */
export function buttonBar({ description, host, changed }: Making): Control {
  const labels = labelsOf(description);
  let pushed: number | null = null;
  const buttons = labels.map((words, place) => {
    const element = pushButton(words, "sagecell_interactButton", () => {
      pushed = place;
      changed();
    });
    setWidth(element, description);
    host.typeset(element);
    return element;
  });
  const bar = group("sagecell_choices sagecell_buttonBar", ...buttons);
  setColumns(bar, description, labels.length);
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

/** The value is whether it was pushed since the last time. */
export function button({ description, id, label, host, changed }: Making): Control {
  let pushed = false;
  const words = wordsOf(description["text"]) || label;
  const element = pushButton(words, "sagecell_interactButton", () => {
    pushed = true;
    changed();
  });
  element.id = id;
  setWidth(element, description);
  host.typeset(element);
  return {
    element,
    // It says itself what it is for; a label beside it is for the eye.
    labelled: null,
    value: () => pushed,
    show: () => undefined,
    enable: enabling(element),
    sent: () => (pushed = false),
    isPush: true,
  };
}

function labelsOf(description: JsonObject): string[] {
  return listAt(description, "value_labels").map(wordsOf);
}

/** A place that exists; null for what is no number. */
function placeIn(value: Json, length: number): number | null {
  const place = finite(value);
  return place === null || length === 0 ? null : clamp(Math.round(place), 0, length - 1);
}

/** Lays parts out as the kernel asks, in `nrows` or `ncols`; else in as many columns as fit. */
function setColumns(element: HTMLElement, description: JsonObject, length: number): void {
  const rows = finite(description["nrows"]);
  const columns = finite(description["ncols"]) ?? (rows === null ? null : length / rows);
  if (columns === null || columns <= 0 || columns >= length) return;
  element.classList.add("sagecell_grid");
  element.style.setProperty("--columns", String(Math.ceil(columns)));
}

/** A width as the kernel gives it: a number of characters, or a length of CSS. */
export function setWidth(element: HTMLElement, description: JsonObject): void {
  const width = description["width"];
  const characters = finite(width) ?? (/^\d+$/.test(wordsOf(width)) ? Number(width) : null);
  if (characters !== null && characters > 0) element.style.width = `${characters}ch`;
  else if (typeof width === "string") element.style.width = width;
}
