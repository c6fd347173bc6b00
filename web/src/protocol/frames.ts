/**
 * The messages between a page and the frame of an output, over a `MessagePort` of the page.
 *
 * Programs' scripts run in the frame and can send anything, so the page uses only what is decoded here.
 */

import { type Json, type JsonObject, isObject, objectAt, textAt } from "./json";
import type { MimeBundle } from "./messages";
import {
  type PostedEvent,
  type WidgetOrder,
  decodePostedEvent,
  decodeWidgetOrder,
} from "./widgets/orders";

/** The colours and fonts of the page around a frame. */
export interface Theme {
  readonly scheme: "light" | "dark";
  /** Values of CSS properties by name, custom ones among them. */
  readonly properties: Readonly<Record<string, string>>;
}

/** What a frame has to know before its first order. */
export interface FrameBeginning {
  readonly theme: Theme;
  /** The address below which the files of the program are; it ends in a slash. */
  readonly files: string;
  /** A query parameter that bypasses caches of files. */
  readonly version: string;
}

/** An item of output, except streams. */
export type FramedItem =
  | { readonly kind: "display"; readonly data: MimeBundle; readonly metadata: JsonObject }
  | { readonly kind: "error"; readonly traceback: string }
  | { readonly kind: "pager"; readonly text: string };

/** A message from the page to the frame. */
export type FrameOrder =
  | { readonly kind: "theme"; readonly theme: Theme }
  /** Appends an item; `id` identifies it in updates. */
  | { readonly kind: "show"; readonly id: number; readonly item: FramedItem }
  | { readonly kind: "update"; readonly id: number; readonly item: FramedItem }
  /** Appends text to the last stream, or begins a new stream. */
  | {
      readonly kind: "print";
      readonly name: "stdout" | "stderr";
      readonly text: string;
      readonly isNew: boolean;
    }
  /** Removes all output; global variables of scripts stay. */
  | { readonly kind: "clear" }
  /** For the widgets; they are told only after the report of the same kind. */
  | { readonly kind: "widgets"; readonly order: WidgetOrder };

/** A message from the frame to the page. */
export type FrameReport =
  | { readonly kind: "ready" }
  /** The height of the content in CSS pixels, after so many orders. */
  | { readonly kind: "height"; readonly pixels: number; readonly orders: number }
  /** A link was clicked. */
  | { readonly kind: "link"; readonly address: string }
  /** The frame's page is being left for another one. */
  | { readonly kind: "left" }
  /** The first widget is to be shown: the frame needs their models. */
  | { readonly kind: "widgets" }
  /** A widget was used. */
  | { readonly kind: "event"; readonly event: PostedEvent };

/** Identifies a greeting. */
const GREETING = "sagecell-frame";

/** Characters of an address that is followed. */
const LONGEST_ADDRESS = 8000;

/** Characters of a CSS value. */
const LONGEST_VALUE = 1000;

/** The message to the frame's window that carries the port. */
export function greeting(beginning: FrameBeginning): unknown {
  return { greeting: GREETING, ...beginning };
}

/** The beginning in a page's greeting, or null. */
export function decodeGreeting(value: unknown): FrameBeginning | null {
  if (!isMessage(value) || value["greeting"] !== GREETING) return null;
  const theme = decodeTheme(objectAt(value, "theme"));
  return { theme, files: textAt(value, "files"), version: textAt(value, "version") };
}

/** A page's order to its frame, or null. */
export function decodeOrder(value: unknown): FrameOrder | null {
  if (!isMessage(value)) return null;
  const { kind, id, name, text } = value;
  switch (kind) {
    case "theme":
      return { kind, theme: decodeTheme(objectAt(value, "theme")) };
    case "show":
    case "update": {
      const item = decodeItem(objectAt(value, "item"));
      return typeof id === "number" && item !== null ? { kind, id, item } : null;
    }
    case "print":
      if ((name !== "stdout" && name !== "stderr") || typeof text !== "string") return null;
      return { kind, name, text, isNew: value["isNew"] === true };
    case "clear":
      return { kind };
    case "widgets": {
      const order = decodeWidgetOrder(value["order"]);
      return order === null ? null : { kind, order };
    }
    default:
      return null;
  }
}

/** A frame's report, or null for an invalid one. */
export function decodeReport(value: unknown): FrameReport | null {
  if (!isMessage(value)) return null;
  const { kind, pixels, orders, address } = value;
  switch (kind) {
    case "ready":
    case "left":
    case "widgets":
      return { kind };
    case "event": {
      const event = decodePostedEvent(objectAt(value, "event"));
      return event === null ? null : { kind, event };
    }
    case "height":
      if (!isCount(pixels) || !isCount(orders)) return null;
      return { kind, pixels, orders };
    case "link":
      return typeof address === "string" && isWebAddress(address) ? { kind, address } : null;
    default:
      return null;
  }
}

/** Whether an address is absolute, and http or https. */
export function isWebAddress(address: string): boolean {
  if (address.length > LONGEST_ADDRESS || !URL.canParse(address)) return false;
  return /^https?:$/.test(new URL(address).protocol);
}

function decodeItem(item: JsonObject): FramedItem | null {
  switch (item["kind"]) {
    case "display":
      return {
        kind: "display",
        data: objectAt(item, "data"),
        metadata: objectAt(item, "metadata"),
      };
    case "error":
      return { kind: "error", traceback: textAt(item, "traceback") };
    case "pager":
      return { kind: "pager", text: textAt(item, "text") };
    default:
      return null;
  }
}

function decodeTheme(theme: JsonObject): Theme {
  const properties = Object.entries(objectAt(theme, "properties")).filter(
    (pair): pair is [string, string] =>
      typeof pair[1] === "string" && pair[1].length <= LONGEST_VALUE,
  );
  return {
    scheme: theme["scheme"] === "dark" ? "dark" : "light",
    properties: Object.fromEntries(properties),
  };
}

function isCount(value: Json | undefined): value is number {
  return typeof value === "number" && Number.isFinite(value) && value >= 0;
}

/** What came by `postMessage` may be no JSON at all. */
function isMessage(value: unknown): value is JsonObject {
  return isObject(value as Json);
}
