/** The descriptions of interacts and single controls in displays and permalinks. */

import { type JsonObject, isObject, objectAt, objectsAt, textAt, textsAt } from "../json";
import { type Row, rowsOf } from "./layout";

/** A program's description of an interact. */
export interface InteractContent {
  /** Names and descriptions, in the program's order. */
  readonly controls: readonly (readonly [name: string, description: JsonObject])[];
  readonly rows: readonly Row[];
  /** CSS selectors of the page's elements for parts placed elsewhere, by name. */
  readonly locations: ReadonlyMap<string, string>;
  readonly isReadonly: boolean;
}

/** A control outside of interacts, bound to variables of a namespace. */
export interface ControlContent {
  readonly id: string;
  readonly namespace: string;
  readonly variables: readonly string[];
  /** The description as in an interact; null for an output region. */
  readonly description: JsonObject | null;
}

/** The state of an interact in a permalink. */
export interface SavedInteract {
  readonly state: JsonObject;
  readonly bookmarks: readonly { readonly name: string; readonly values: JsonObject }[];
}

/** Controls of an interact at most; more would block the page for seconds. */
export const MOST_CONTROLS = 1000;

/** Decodes the description of an interact; parts of wrong types are left out. */
export function decodeInteract(content: JsonObject): InteractContent {
  const locations = objectAt(content, "locations");
  return {
    controls: Object.entries(objectAt(content, "controls"))
      .filter((named): named is [string, JsonObject] => isObject(named[1]))
      .slice(0, MOST_CONTROLS),
    rows: rowsOf(content["layout"]),
    locations: new Map(Object.keys(locations).map((name) => [name, textAt(locations, name)])),
    isReadonly: content["readonly"] === true,
  };
}

/** Decodes the description of a single control, whose format differs from that in interacts. */
export function decodeSingle(content: JsonObject): ControlContent {
  return {
    id: textAt(content, "control_id"),
    namespace: textAt(content, "namespace"),
    variables: textsAt(content, "variable"),
    description: singleDescription(content),
  };
}

/** Decodes the state of an interact; parts of wrong types are left out. */
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
