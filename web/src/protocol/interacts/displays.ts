/** What displays carry for interacts and single controls. */

import { type Json, type JsonObject, objectAt, textAt, textsAt } from "../json";
import type { MimeBundle } from "../messages";

const INTERACT = "application/sage-interact";
const CONTROL = "application/sage-interact-control";
const VARIABLE = "application/sage-interact-variable";
const CLEAR = "application/sage-clear";

/** What a display makes room for; see `content` for what it describes. */
export interface Shown {
  readonly kind: "interact" | "control";
  readonly id: string;
  readonly content: JsonObject;
}

/** A control has another value; `id` is the interact's, or that of a control that stands alone. */
export interface UpdateEvent {
  readonly kind: "update";
  readonly id: string;
  readonly control: Json;
  readonly value: Json | undefined;
  /** The part of a control that has many; see docs/protocol.rst. */
  readonly index: Json | undefined;
}

/** A variable of a namespace has another value, which `control` gave it, if any. */
export interface VariableEvent {
  readonly kind: "variable";
  readonly namespace: string;
  readonly variable: string;
  readonly control: string;
}

/** What a display tells: all of them of a variable, else the one with this id. */
export type InteractEvent =
  | UpdateEvent
  | VariableEvent
  | ({ readonly id: string; readonly name: string } & (
      | { readonly kind: "new-control"; readonly description: JsonObject }
      | { readonly kind: "del-control" }
      | { readonly kind: "bookmark"; readonly values: JsonObject }
    ));

/** The interact or control that a display shows; null for any other display. */
export function shownIn(data: MimeBundle): Shown | null {
  const id = shownId(data);
  if (id === "") return null;
  return INTERACT in data
    ? { kind: "interact", id, content: objectAt(data, INTERACT) }
    : { kind: "control", id, content: objectAt(data, CONTROL) };
}

/** Its id; empty for any other display. */
export function shownId(data: MimeBundle): string {
  return (
    textAt(objectAt(data, INTERACT), "new_interact_id") ||
    textAt(objectAt(data, CONTROL), "control_id")
  );
}

/** Whether two interacts have the same controls, whatever their values are. */
export function haveSameControls(one: Shown, other: Shown): boolean {
  return one.kind === other.kind && controlsOf(one) === controlsOf(other);
}

function controlsOf({ content }: Shown): string {
  const controls = objectAt(content, "controls");
  const names = Object.keys(controls);
  return JSON.stringify(
    names.map((name) => [name, textAt(objectAt(controls, name), "control_type")]),
  );
}

/** What a display tells interacts or controls; null for any other display. */
export function eventIn(data: MimeBundle): InteractEvent | null {
  for (const [type, value] of Object.entries(data)) {
    const event = value === null ? null : eventOf(type, objectAt(data, type));
    if (event !== null) return event;
  }
  return null;
}

/** Whether a display says that the output before it is outdated: which values were taken, null for all. */
export function clearIn(data: MimeBundle): { readonly changed: readonly string[] | null } | null {
  if (!(CLEAR in data)) return null;
  const clear = objectAt(data, CLEAR);
  return { changed: Array.isArray(clear["changed"]) ? textsAt(clear, "changed") : null };
}

function eventOf(type: string, told: JsonObject): InteractEvent | null {
  const id = textAt(told, "interact_id");
  const name = textAt(told, "name");
  switch (type) {
    case "application/sage-interact-update": {
      const { control = null, value, index } = told;
      return { kind: "update", id, control, value, index };
    }
    case "application/sage-interact-new-control":
      return { kind: "new-control", id, name, description: objectAt(told, "control") };
    case "application/sage-interact-del-control":
      return { kind: "del-control", id, name };
    case "application/sage-interact-bookmark":
      return { kind: "bookmark", id, name, values: objectAt(told, "values") };
    case VARIABLE:
      return {
        kind: "variable",
        namespace: textAt(told, "namespace"),
        variable: textAt(told, "variable"),
        control: textAt(told, "control"),
      };
    default:
      return null;
  }
}
