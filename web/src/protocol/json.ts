/** JSON of any shape, and safe access to its parts. */

/** Any JSON value. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
/** A JSON object. */
export type JsonObject = { [key: string]: Json };

/** Parses a JSON object; null for anything else. */
export function parseObject(text: string): JsonObject | null {
  try {
    const value = JSON.parse(text) as Json;
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

/**
 * What a text may have outside its strings: brackets, and strings themselves, of which each name counts as
 * four more, since names of their own make an object slow; and commas, since numbers take little time.
 */
const MOST_MARKS = 1_000_000;
const MOST_COMMAS = 20_000_000;

/** Marks that a name counts beside its string. */
const NAME = 3;

/** Arrays and objects within each other: what copies values fails at some thousands. */
const DEEPEST = 500;

/** Whether a browser would take much more than a second to parse, look through and copy a JSON text. */
export function isTooComplex(text: string): boolean {
  let [marks, commas, depth] = [0, 0, 0];
  for (let at = 0; at < text.length; at += 1) {
    switch (text.charCodeAt(at)) {
      case 0x22: // A quotation mark.
        marks += 1;
        at = endOfString(text, at);
        break;
      case 0x2c: // A comma.
        commas += 1;
        break;
      case 0x3a: // A colon.
        marks += NAME;
        break;
      case 0x5b: // Opening brackets.
      case 0x7b:
        marks += 1;
        depth += 1;
        break;
      case 0x5d: // Closing brackets.
      case 0x7d:
        depth -= 1;
        break;
    }
    if (marks > MOST_MARKS || commas > MOST_COMMAS || depth > DEEPEST) return true;
  }
  return false;
}

/** The index of the quotation mark that ends the string at `from`; that of the end if none does. */
function endOfString(text: string, from: number): number {
  for (let end = text.indexOf('"', from + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let slashes = 0;
    while (text.charCodeAt(end - 1 - slashes) === 0x5c) slashes += 1;
    if (slashes % 2 === 0) return end;
  }
  return text.length;
}

/** Whether a value is a JSON object. */
export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** `value[key]` if that is an object; otherwise an empty one. */
export function objectAt(value: JsonObject, key: string): JsonObject {
  const inner = value[key];
  return isObject(inner) ? inner : {};
}

/** The objects in the array `value[key]`; empty if that is not an array. */
export function objectsAt(value: JsonObject, key: string): JsonObject[] {
  const inner = value[key];
  return Array.isArray(inner) ? inner.filter(isObject) : [];
}

/** `value[key]` if that is a string; otherwise an empty one. */
export function textAt(value: JsonObject, key: string): string {
  const inner = value[key];
  return typeof inner === "string" ? inner : "";
}

/** The strings in the array `value[key]`; empty if that is not an array. */
export function textsAt(value: JsonObject, key: string): string[] {
  const inner = value[key];
  return Array.isArray(inner)
    ? inner.filter((item): item is string => typeof item === "string")
    : [];
}
