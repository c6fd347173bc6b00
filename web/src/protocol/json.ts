/** JSON of any shape, and looks into it that find something or nothing. */

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

/** A JSON object from text, or null. */
export function parseObject(text: string): JsonObject | null {
  try {
    const value = JSON.parse(text) as Json;
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** `value[key]` when it is an object, else an empty one. */
export function objectAt(value: JsonObject, key: string): JsonObject {
  const inner = value[key];
  return isObject(inner) ? inner : {};
}

/** The objects in the array `value[key]`; none when it is no array. */
export function objectsAt(value: JsonObject, key: string): JsonObject[] {
  const inner = value[key];
  return Array.isArray(inner) ? inner.filter(isObject) : [];
}

/** `value[key]` when it is a string, else an empty one. */
export function textAt(value: JsonObject, key: string): string {
  const inner = value[key];
  return typeof inner === "string" ? inner : "";
}

/** The strings in the array `value[key]`; none when it is no array. */
export function textsAt(value: JsonObject, key: string): string[] {
  const inner = value[key];
  return Array.isArray(inner)
    ? inner.filter((item): item is string => typeof item === "string")
    : [];
}
