/** Interacts and single controls as displays and links describe them. */

import { type JsonObject, isObject, objectAt, objectsAt, textAt, textsAt } from "../json";
import { type Row, rowsOf } from "./layout";

/** An interact as its program describes it. */
export interface InteractContent {
  /** Names and descriptions, in the program's order. */
  readonly controls: readonly (readonly [name: string, description: JsonObject])[];
  readonly rows: readonly Row[];
  /** Selectors of the page's elements in which parts stand, by name. */
  readonly locations: ReadonlyMap<string, string>;
  readonly isReadonly: boolean;
}

/** A control without an interact, bound to variables of a namespace. */
export interface ControlContent {
  readonly id: string;
  readonly namespace: string;
  readonly variables: readonly string[];
  /** As an interact would describe it; null for a region of output. */
  readonly description: JsonObject | null;
}

/** An interact as a link keeps it. */
export interface SavedInteract {
  readonly state: JsonObject;
  readonly bookmarks: readonly { readonly name: string; readonly values: JsonObject }[];
}

export function decodeInteract(content: JsonObject): InteractContent {
  const locations = objectAt(content, "locations");
  return {
    controls: Object.entries(objectAt(content, "controls")).filter(
      (named): named is [string, JsonObject] => isObject(named[1]),
    ),
    rows: rowsOf(content["layout"]),
    locations: new Map(Object.keys(locations).map((name) => [name, textAt(locations, name)])),
    isReadonly: content["readonly"] === true,
  };
}

export function decodeSingle(content: JsonObject): ControlContent {
  return {
    id: textAt(content, "control_id"),
    namespace: textAt(content, "namespace"),
    variables: textsAt(content, "variable"),
    description: singleDescription(content),
  };
}

export function decodeSaved(saved: JsonObject): SavedInteract {
  return {
    state: objectAt(saved, "state"),
    bookmarks: objectsAt(saved, "bookmarks").flatMap((bookmark) => {
      const { values } = bookmark;
      return isObject(values) ? [{ name: textAt(bookmark, "name"), values }] : [];
    }),
  };
}

function singleDescription(content: JsonObject): JsonObject | null {
  const { min = 0, max = 1, step = 0, value = null } = content;
  const common = { label: textAt(content, "label"), default: value };
  switch (content["control_type"]) {
    case "OutputRegion":
      return null;
    case "Slider":
      return {
        ...common,
        control_type: "slider",
        subtype: "continuous",
        range: [min, max],
        step,
      };
    case "ExpressionBox":
      return { ...common, control_type: "input_box", subtype: "input" };
    case "Checkbox":
      return { ...common, control_type: "checkbox" };
    default:
      return { ...common, control_type: textAt(content, "control_type") };
  }
}
