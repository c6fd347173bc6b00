/** Text controls: a line, a text area, a grid of entries. */

import { listOf, wordsOf } from "../../protocol/interacts/values";
import type { Json } from "../../protocol/messages";
import { type Control, type Making, enabling, group, input } from "./control";

type TextField = HTMLInputElement | HTMLTextAreaElement;

/** A line or a text area; the value is the text, without lone surrogates, which have no UTF-8. */
export function inputBox({ description, id, changed }: Making<"input_box">): Control {
  const { initial, isLong, width, height, atEachKey } = description;
  const field = textField(isLong);
  field.id = id;
  if (width !== null) field.style.width = `calc(${width}ch + 1.4rem)`;
  if (field instanceof HTMLTextAreaElement) field.rows = height;
  const entry = new Entry({ field, start: initial, atEachKey, changed });
  return {
    element: field,
    labelled: field,
    value: () => entry.value,
    show: (value) => entry.show(value),
    enable: enabling(field),
  };
}

/** A grid of text fields; the value is a list of rows, each a list of strings. */
export function inputGrid({ description, label, changed }: Making<"input_grid">): Control {
  const { initial, width, columns } = description;
  const rows = Array.from({ length: description.rows }, (_, row) =>
    Array.from({ length: columns }, (_, column) => {
      const field = input("text", "sagecell_gridEntry");
      field.style.width = `calc(${width}ch + 1.2rem)`;
      field.setAttribute("aria-label", `${label}, row ${row + 1}, column ${column + 1}`);
      return new Entry({ field, start: initial[row]?.[column], atEachKey: false, changed });
    }),
  );
  const element = group("sagecell_inputGrid", ...rows.flat().map(({ field }) => field));
  element.style.setProperty("--columns", String(columns));
  const showRow = (row: number, value: Json) =>
    listOf(value).forEach((item, column) => rows[row]?.[column]?.show(item));
  return {
    element,
    labelled: null,
    value: () => rows.map((row) => row.map((entry) => entry.value)),
    show(value, index) {
      const [row, column] = Array.isArray(index) ? index : [index];
      if (typeof row === "number" && typeof column === "number") rows[row]?.[column]?.show(value);
      else if (typeof row === "number") showRow(row, value);
      else listOf(value).forEach((item, at) => showRow(at, item));
    },
    enable: enabling(...rows.flat().map(({ field }) => field)),
  };
}

interface EntryOptions {
  readonly field: TextField;
  readonly start: Json | undefined;
  /** Whether each key changes the value; otherwise Enter does, or leaving the field. */
  readonly atEachKey: boolean;
  readonly changed: () => void;
}

/** A field and its value, which is the text that was last confirmed. */
class Entry {
  readonly field: TextField;
  readonly #changed: () => void;
  #value: string;

  constructor({ field, start, atEachKey, changed }: EntryOptions) {
    this.field = field;
    this.#changed = changed;
    this.#value = field.value = wordsOf(start);
    if (atEachKey) field.addEventListener("input", () => this.#take());
    field.addEventListener("change", () => this.#take());
    field.addEventListener("keydown", (event) => {
      const { key, shiftKey, isComposing } = event as KeyboardEvent;
      // In a text area, Enter inserts a line break.
      const isEnd = field instanceof HTMLInputElement || shiftKey;
      if (key !== "Enter" || isComposing || !isEnd) return;
      event.preventDefault();
      this.#take();
    });
  }

  get value(): string {
    return this.#value;
  }

  show(value: Json): void {
    const isBeingTyped = document.activeElement === this.field && this.field.value !== this.#value;
    this.#value = wordsOf(value);
    // Text that is being typed is newer. Assigning equal text would move the caret.
    if (!isBeingTyped && this.field.value !== this.#value) this.field.value = this.#value;
  }

  #take(): void {
    const typed = this.field.value.toWellFormed();
    if (typed === this.#value) return;
    this.#value = typed;
    this.#changed();
  }
}

function textField(isLong: boolean): TextField {
  const field = isLong ? document.createElement("textarea") : input("text");
  field.spellcheck = false;
  field.autocapitalize = "off";
  return field;
}
