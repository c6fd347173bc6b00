/**
 * What a page and the widgets in a frame tell each other, inside of the messages of `frames`.
 *
 * Scripts of programs run in the frame too, and can send what the widgets send.
 */

import {
  type Json,
  type JsonObject,
  isObject,
  isTooComplex,
  objectAt,
  parseObject,
  textAt,
} from "../json";
import { areTooMany, postedBuffers } from "./buffers";

/** A message from the page to the widgets in a frame. */
export type WidgetOrder =
  /** A widget's model, as the kernel opened it and changed it since. */
  | ({ readonly kind: "open"; readonly version: string } & WidgetState)
  /** All models that there are were opened. */
  | { readonly kind: "complete" }
  /** Data for a model; `answers` is the number of the event that caused it, null for none. */
  | {
      readonly kind: "message";
      readonly id: string;
      readonly data: JsonObject;
      readonly buffers: readonly ArrayBuffer[];
      readonly answers: number | null;
    }
  /** The model is gone; the sentence says why, and is empty if its program has closed it. */
  | { readonly kind: "close"; readonly id: string; readonly sentence: string }
  /** Output that the models capture, or an update of displays in what they have captured. */
  | { readonly kind: "output"; readonly ids: readonly string[]; readonly output: JsonObject }
  | { readonly kind: "clear"; readonly id: string; readonly wait: boolean }
  /** The kernel has handled an event. */
  | { readonly kind: "done"; readonly sent: number }
  /** An event was not sent; the sentence says why. */
  | { readonly kind: "refused"; readonly sent: number; readonly sentence: string }
  /** The kernel has ended: no event arrives any more. */
  | { readonly kind: "end" };

/** The state of a model. */
export interface WidgetState {
  readonly id: string;
  readonly state: JsonObject;
  /** The places of the buffers in the state. */
  readonly bufferPaths: readonly Json[];
  readonly buffers: readonly ArrayBuffer[];
}

/** An event of a widget, from the frame to the page: data for the model in the kernel. */
export interface WidgetEvent {
  /** The number by which orders refer to the event. */
  readonly sent: number;
  readonly id: string;
  readonly data: JsonObject;
  readonly buffers: readonly ArrayBuffer[];
}

/**
 * An event as a frame posts it. Its data are text: what `postMessage` carries otherwise may refer to the same
 * parts again and again, and be endless as JSON.
 */
export interface PostedEvent {
  readonly sent: number;
  readonly id: string;
  readonly json: string;
  readonly buffers: readonly ArrayBuffer[];
}

/** Characters of an event's data, a few more than the server takes. */
const LONGEST = 4_000_000;

/** Why an event is refused that is longer than a message to the server may be. */
export const TOO_LONG =
  "This is too long to be sent to the program: a message may have about 3.9 MB, a file about 2.9 MB.";

/** The MIME type of a display that shows a widget. */
const VIEW = "application/vnd.jupyter.widget-view+json";

/** What a frontend may send: Jupyter's protocol of widgets has nothing else. */
const METHODS: ReadonlySet<Json | undefined> = new Set(["update", "custom", "request_state"]);

/** The id of the model whose widget a display shows; empty for other displays. */
export function widgetIn(data: JsonObject): string {
  return Object.hasOwn(data, VIEW) ? textAt(objectAt(data, VIEW), "model_id") : "";
}

/** What the data of a comm say to a widget's model. */
export interface WidgetData {
  readonly method: string;
  readonly state: JsonObject;
  readonly bufferPaths: readonly Json[];
}

/** Decodes the data of a widget's comm. */
export function widgetData(data: Json): WidgetData {
  const object = isObject(data) ? data : {};
  const paths = object["buffer_paths"];
  return {
    method: textAt(object, "method"),
    state: objectAt(object, "state"),
    bufferPaths: Array.isArray(paths) ? paths : [],
  };
}

/** The attribute of a state in which a buffer's place is; empty for a malformed path. */
export function attributeAt(path: Json | undefined): string {
  const [name] = Array.isArray(path) ? path : [];
  return typeof name === "string" ? name : "";
}

/**
 * An event in the form in which a frame posts it; null if it is too long for the page.
 *
 * Throws for data that JSON cannot have.
 */
export function postable({ sent, id, data, buffers }: WidgetEvent): PostedEvent | null {
  const json = JSON.stringify(data);
  return json.length > LONGEST || areTooMany(buffers) ? null : { sent, id, json, buffers };
}

/** What a frame has posted as an event, whose data are not read yet; null for anything else. */
export function decodePostedEvent({ sent, id, json, buffers }: JsonObject): PostedEvent | null {
  const posted = postedBuffers(buffers);
  if (typeof sent !== "number" || typeof id !== "string" || posted === null) return null;
  if (typeof json !== "string" || json.length > LONGEST) return null;
  return { sent, id, json, buffers: posted };
}

/** A frame's event, or null for one that is none. */
export function widgetEvent({ sent, id, json, buffers }: PostedEvent): WidgetEvent | null {
  const data = isTooComplex(json) ? null : parseObject(json);
  if (data === null || !METHODS.has(data["method"])) return null;
  return { sent, id, data, buffers };
}

/** A page's order, or null. Only the page has the port, so that its parts are not examined. */
export function decodeWidgetOrder(value: Json | undefined): WidgetOrder | null {
  return isObject(value) && typeof value["kind"] === "string"
    ? (value as unknown as WidgetOrder)
    : null;
}
