/** Decodes the descriptions of controls, which may have any shape. */

import { type Json, type JsonObject, textAt } from "../json";
import { clamp, countAt, finite, listAt, listOf, numberAt, wordsOf } from "./values";

/** Entries of a grid at most; more would block the page for seconds. */
const MOST_ENTRIES = 2500;

/** Sliders side by side at most; more would be indistinguishable. */
const MOST_SLIDERS = 200;

/** The range of a slider. */
export interface Scale {
  readonly least: number;
  readonly most: number;
  /** The distance of values; "any" for a continuous range. */
  readonly step: number | "any";
  /** The text for each value if values are indices of a list; otherwise null. */
  readonly words: readonly string[] | null;
}

/** Choices in columns. */
interface Choices {
  readonly labels: readonly string[];
  /** The number of columns; null for as many as fit. */
  readonly columns: number | null;
  /** A CSS length; empty for none. */
  readonly width: string;
}

/** A decoded control; `initial` is its first value. */
export type ControlDescription =
  | { readonly kind: "button"; readonly text: string; readonly width: string }
  | ({ readonly kind: "button_bar" } & Choices)
  | { readonly kind: "checkbox"; readonly initial: boolean }
  | { readonly kind: "color_selector"; readonly initial: Json; readonly hasCode: boolean }
  | { readonly kind: "html_box"; readonly html: string }
  | {
      readonly kind: "input_box";
      readonly initial: string;
      readonly isLong: boolean;
      /** In characters; null for the default width. */
      readonly width: number | null;
      /** In lines. */
      readonly height: number;
      /** Whether each key sends the value. */
      readonly atEachKey: boolean;
    }
  | {
      readonly kind: "input_grid";
      readonly initial: readonly (readonly Json[])[];
      readonly rows: number;
      readonly columns: number;
      /** The width of an entry in characters. */
      readonly width: number;
    }
  | {
      readonly kind: "multi_slider";
      readonly initial: readonly Json[];
      readonly scales: readonly Scale[];
      readonly showsValues: boolean;
    }
  | ({
      readonly kind: "selector";
      readonly looks: "list" | "buttons" | "radios";
      readonly initial: Json;
    } & Choices)
  | {
      readonly kind: "slider";
      readonly initial: Json | undefined;
      readonly isRange: boolean;
      readonly scale: Scale;
      readonly showsValue: boolean;
    }
  | { readonly kind: "unknown"; readonly name: string };

/** The label of a control, as text or HTML. */
export function labelOf(description: JsonObject): string {
  return textAt(description, "label").toWellFormed();
}

/** Whether a change is sent at once; otherwise with the next update. */
export function updates(description: JsonObject): boolean {
  return description["update"] !== false;
}

/** Decodes a control; missing values get defaults, and numbers are clamped. */
export function decodeControl(description: JsonObject): ControlDescription {
  const subtype = textAt(description, "subtype");
  const initial = description["default"];
  const kind = textAt(description, "control_type");
  switch (kind) {
    case "button":
      return { kind, text: wordsOf(description["text"]), width: widthOf(description) };
    case "button_bar":
      return { kind, ...choicesOf(description) };
    case "checkbox":
      return { kind, initial: initial === true };
    case "color_selector":
      return { kind, initial: initial ?? null, hasCode: description["hide_input"] !== true };
    case "html_box":
      return { kind, html: wordsOf(description["value"] ?? initial ?? "") };
    case "input_box": {
      const width = finite(description["width"]);
      return {
        kind,
        initial: wordsOf(initial),
        isLong: subtype === "textarea",
        width: width !== null && width > 0 ? clamp(width, 1, 500) : null,
        height: clamp(Math.trunc(numberAt(description, "height", 4)), 1, 200),
        atEachKey: description["keypress"] === true,
      };
    }
    case "input_grid": {
      const rows = listAt(description, "default").map(listOf);
      const count = countAt(description, "nrows", rows.length, MOST_ENTRIES);
      const most = Math.floor(MOST_ENTRIES / count);
      return {
        kind,
        initial: rows,
        rows: count,
        columns: countAt(description, "ncols", rows[0]?.length ?? 1, most),
        width: clamp(numberAt(description, "width", 4), 1, 100),
      };
    }
    case "multi_slider": {
      const values = listAt(description, "default");
      const count = countAt(description, "sliders", values.length, MOST_SLIDERS);
      return {
        kind,
        initial: values,
        scales: scalesOf(description, count),
        showsValues: description["display_values"] !== false,
      };
    }
    case "selector": {
      const looks = subtype === "list" ? "list" : subtype === "button" ? "buttons" : "radios";
      return { kind, looks, initial: initial ?? 0, ...choicesOf(description) };
    }
    case "slider":
      return {
        kind,
        initial,
        isRange: subtype.endsWith("_range"),
        scale: subtype.startsWith("discrete")
          ? placesIn(listOf(description["values"]))
          : numbersIn(listOf(description["range"]), numberAt(description, "step", 0)),
        showsValue: description["display_value"] !== false,
      };
    default:
      return { kind: "unknown", name: kind.toWellFormed() };
  }
}

function choicesOf(description: JsonObject): Choices {
  const labels = listAt(description, "value_labels").map(wordsOf);
  const rows = finite(description["nrows"]);
  const columns = finite(description["ncols"]) ?? (rows === null ? null : labels.length / rows);
  const isGrid = columns !== null && columns > 0 && columns < labels.length;
  return { labels, columns: isGrid ? Math.ceil(columns) : null, width: widthOf(description) };
}

/** A width as a CSS length; numbers are characters. */
function widthOf({ width }: JsonObject): string {
  const characters = finite(width) ?? (/^\d+$/.test(wordsOf(width)) ? Number(width) : null);
  if (characters !== null && characters > 0) return `${characters}ch`;
  return typeof width === "string" ? width : "";
}

function scalesOf(description: JsonObject, count: number): Scale[] {
  const isDiscrete = textAt(description, "subtype") === "discrete";
  const values = listAt(description, "values");
  const ranges = listAt(description, "range");
  const steps = listAt(description, "step");
  return Array.from({ length: count }, (_, at) => {
    if (isDiscrete) return placesIn(listOf(values[at]));
    const step = finite(steps[at]) ?? numberAt(description, "step", 0);
    return numbersIn(listOf(ranges[at]), step);
  });
}

function placesIn(values: readonly Json[]): Scale {
  return { least: 0, most: Math.max(0, values.length - 1), step: 1, words: values.map(wordsOf) };
}

function numbersIn(range: readonly Json[], step: number): Scale {
  const [one, other] = [finite(range[0]) ?? 0, finite(range[1]) ?? 1];
  const [least, most] = [Math.min(one, other), Math.max(one, other)];
  return { least, most, step: step > 0 ? step : "any", words: null };
}
