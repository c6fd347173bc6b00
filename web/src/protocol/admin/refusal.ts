/** A refusal of the server. */

import { parseObject, textAt } from "../json";

/** The sentence in a refusal; empty if there is none. */
export function decodeRefusal(text: string): string {
  const value = parseObject(text);
  return value === null ? "" : textAt(value, "message");
}
