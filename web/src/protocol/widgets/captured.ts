/** What the kernel says of an `Output` widget. */

import { type Json, type JsonObject, isObject, objectAt, objectsAt, textAt } from "../json";

/** A change of an `Output` widget; null is what stays as it is. */
export interface Captured {
  /** The request whose output the widget captures; empty for none. */
  readonly request: string | null;
  readonly outputs: readonly JsonObject[] | null;
}

/**
 * The change in the data of a comm; null if there is none.
 *
 * The data of a new model are null as well unless it is an `Output` widget's.
 */
export function capturedIn(data: Json, isNew: boolean): Captured | null {
  const state = isObject(data) ? objectAt(data, "state") : {};
  if (isNew && textAt(state, "_model_module") !== "@jupyter-widgets/output") return null;
  const request = "msg_id" in state ? textAt(state, "msg_id") : null;
  const outputs = "outputs" in state ? objectsAt(state, "outputs") : null;
  return request === null && outputs === null && !isNew ? null : { request, outputs };
}
