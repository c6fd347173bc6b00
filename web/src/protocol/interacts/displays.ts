/** The displays by which kernels show and update interacts and single controls. */

import { type Json, type JsonObject, objectAt, textAt, textsAt } from "../json";
import type { MimeBundle } from "../messages";

const INTERACT = "application/sage-interact";
const CONTROL = "application/sage-interact-control";
const VARIABLE = "application/sage-interact-variable";
const CLEAR = "application/sage-clear";

/** An interact or single control that a display shows; content.ts decodes `content`. */
export interface Shown {
  readonly kind: "interact" | "control";
  readonly id: string;
  readonly content: JsonObject;
}

/** A control has a new value; `id` is that of its interact, or of a single control. */
export interface UpdateEvent {
  readonly kind: "update";
  readonly id: string;
  readonly control: Json;
  readonly value: Json | undefined;
  /** The part of a control with many parts; see docs/protocol.rst. */
  readonly index: Json | undefined;
}

/** A variable of a namespace has a new value; `control` is the control that set it, or empty. */
export interface VariableEvent {
  readonly kind: "variable";
  readonly namespace: string;
  readonly variable: string;
  readonly control: string;
}

/** An event in a display: for all controls if it is a variable's, otherwise for that with `id`. */
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

/** The id of the interact or control that a display shows; empty for any other display. */
export function shownId(data: MimeBundle): string {
  return (
    textAt(objectAt(data, INTERACT), "new_interact_id") ||
    textAt(objectAt(data, CONTROL), "control_id")
  );
}

/** Whether two displays have controls of the same names and types in the same order. */
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

/** The event in a display; null for any other display. */
export function eventIn(data: MimeBundle): InteractEvent | null {
  for (const [type, value] of Object.entries(data)) {
    const event = value === null ? null : eventOf(type, objectAt(data, type));
    if (event !== null) return event;
  }
  return null;
}

/**
 * The names of the controls whose values an update has processed, so that its output replaces the
 * earlier one; `changed` is null for all controls.
 *
 * Null for a display that clears no output.
 */
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
