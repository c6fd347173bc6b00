/** Access to values in descriptions of any shape. */

import type { Json, JsonObject } from "../json";

/** Parts of a control at most; more would block the page. */
export const MOST_PARTS = 5000;

/** `value` if it is a finite number; otherwise null. */
export function finite(value: Json | undefined): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

/** `description[key]` if that is a finite number; otherwise `otherwise`. */
export function numberAt(description: JsonObject, key: string, otherwise: number): number {
  return finite(description[key]) ?? otherwise;
}

/** `description[key]` as a number of parts: an integer from 1 to `most`. */
export function countAt(
  description: JsonObject,
  key: string,
  otherwise: number,
  most: number,
): number {
  return clamp(Math.trunc(numberAt(description, key, otherwise)), 1, most);
}

/** The first `MOST_PARTS` items of `description[key]`; empty if that is not a list. */
export function listAt(description: JsonObject, key: string): Json[] {
  return listOf(description[key]).slice(0, MOST_PARTS);
}

/** `value` if it is a list; otherwise an empty one. */
export function listOf(value: Json | undefined): Json[] {
  return Array.isArray(value) ? value : [];
}

/** A value as well-formed text: a string as it is, other values as JSON, null as empty. */
export function wordsOf(value: Json | undefined): string {
  if (value === undefined || value === null) return "";
  return (typeof value === "string" ? value : JSON.stringify(value)).toWellFormed();
}

/** `value`, limited to the range from `least` to `most`. */
export function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
}

/** A number without binary rounding noise: 0.3, not 0.30000000000000004. */
export function shown(value: number): string {
  return String(Number(value.toPrecision(12)));
}
