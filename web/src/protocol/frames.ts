/**
 * What a page and the frame of an output tell each other, over a port that the page has made.
 *
 * Scripts of a program's share the frame with what speaks for it: the page takes nothing from it but
 * what is decoded here.
 */

import { type Json, type JsonObject, isObject, objectAt, textAt } from "./json";
import type { MimeBundle } from "./messages";

/** How the page around a frame looks. */
export interface Theme {
  readonly scheme: "light" | "dark";
  /** Values of CSS properties by name, custom ones among them. */
  readonly properties: Readonly<Record<string, string>>;
}

/** What begins a frame's work. */
export interface FrameBeginning {
  readonly theme: Theme;
  /** The address below which the files of the program are; it ends in a slash. */
  readonly files: string;
  /** What asks for files past any cache. */
  readonly version: string;
}

/** Something that is shown as a whole. */
export type FramedItem =
  | { readonly kind: "display"; readonly data: MimeBundle; readonly metadata: JsonObject }
  | { readonly kind: "error"; readonly traceback: string }
  | { readonly kind: "pager"; readonly text: string };

/** What the page tells the frame. */
export type FrameOrder =
  | { readonly kind: "theme"; readonly theme: Theme }
  /** Shows an item below what is there; `id` is for updates. */
  | { readonly kind: "show"; readonly id: number; readonly item: FramedItem }
  | { readonly kind: "update"; readonly id: number; readonly item: FramedItem }
  /** Goes on with the text above, or begins a new one. */
  | {
      readonly kind: "print";
      readonly name: "stdout" | "stderr";
      readonly text: string;
      readonly isNew: boolean;
    }
  /** Takes everything away; what scripts have loaded stays. */
  | { readonly kind: "clear" };

/** What the frame tells the page. */
export type FrameReport =
  | { readonly kind: "ready" }
  /** How tall the content is, in CSS pixels, when so many orders have been carried out. */
  | { readonly kind: "height"; readonly pixels: number; readonly orders: number }
  /** A link was followed. */
  | { readonly kind: "link"; readonly address: string };

/** What the page says to the frame's window when it hands over the port. */
const GREETING = "sagecell-frame";

/** Addresses that are longer lead nowhere. */
const LONGEST_ADDRESS = 8000;

/** Colours and fonts: longer values are none. */
const LONGEST_VALUE = 1000;

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
    default:
      return null;
  }
}

/** A frame's report to its page, or null: whatever scripts in it may have sent. */
export function decodeReport(value: unknown): FrameReport | null {
  if (!isMessage(value)) return null;
  const { kind, pixels, orders, address } = value;
  switch (kind) {
    case "ready":
      return { kind };
    case "height":
      if (!isCount(pixels) || !isCount(orders)) return null;
      return { kind, pixels, orders };
    case "link":
      return typeof address === "string" && isWebAddress(address) ? { kind, address } : null;
    default:
      return null;
  }
}

/** Whether an address is one of http or https, and whole. */
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
