/** How much of the page's memory a value takes, which programs may make as large as they like. */

import type { Json } from "../json";

/** Characters that each value counts beside its text: an object or a number takes memory, too. */
const VALUE = 16;

/** Arrays and objects within each other at most: what copies values fails at some thousands. */
const DEEPEST = 500;

/**
 * The characters of all texts and names in `value`, and 16 for each value in it.
 *
 * Infinity if that is more than `most`, or if the value is nested deeper than 500.
 */
export function footprintOf(value: Json, most: number): number {
  let size = 0;
  const waiting: { readonly members: Json[]; next: number }[] = [];
  const count = (member: Json) => {
    size += VALUE;
    if (typeof member === "string") size += member.length;
    else if (Array.isArray(member)) waiting.push({ members: member, next: 0 });
    else if (typeof member === "object" && member !== null) {
      for (const name of Object.keys(member)) size += name.length;
      waiting.push({ members: Object.values(member), next: 0 });
    }
  };
  count(value);
  for (let last = waiting.at(-1); last !== undefined; last = waiting.at(-1)) {
    if (size > most || waiting.length > DEEPEST) return Infinity;
    const { members, next } = last;
    if (next === members.length) waiting.pop();
    else {
      last.next += 1;
      count(members[next] as Json);
    }
  }
  return size > most ? Infinity : size;
}
