/** Numbers, lists and words in descriptions of any shape. */

import type { Json, JsonObject } from "../json";

/** Past so many parts, a control would keep the page busy rather than serve anybody. */
export const MOST_PARTS = 5000;

/** `value` when it is a number that one can calculate with, else null. */
export function finite(value: Json | undefined): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

export function numberAt(description: JsonObject, key: string, otherwise: number): number {
  return finite(description[key]) ?? otherwise;
}

/** A number of parts: whole, from 1 to `most`. */
export function countAt(
  description: JsonObject,
  key: string,
  otherwise: number,
  most: number,
): number {
  return clamp(Math.trunc(numberAt(description, key, otherwise)), 1, most);
}

export function listAt(description: JsonObject, key: string): Json[] {
  return listOf(description[key]).slice(0, MOST_PARTS);
}

export function listOf(value: Json | undefined): Json[] {
  return Array.isArray(value) ? value : [];
}

/** Any value as text for people; what is no text reads as JSON. */
export function wordsOf(value: Json | undefined): string {
  if (value === undefined || value === null) return "";
  return (typeof value === "string" ? value : JSON.stringify(value)).toWellFormed();
}

export function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
}

/** A number without the noise of binary fractions: 0.3, not 0.30000000000000004. */
export function shown(value: number): string {
  return String(Number(value.toPrecision(12)));
}
