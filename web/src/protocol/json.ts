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
