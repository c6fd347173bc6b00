/** Which parts of an interact stand in which row, and how much of it each has. */

import type { Json } from "../json";
import { clamp, finite, listOf } from "./values";

/** A part's name and its share of the row, above 0 and up to 1. */
export interface Part {
  readonly name: string;
  readonly share: number;
}

export type Row = readonly Part[];

/** The rows that a kernel asks for; what is no part is left out. */
export function rowsOf(layout: Json | undefined): Row[] {
  return listOf(layout)
    .map((row) => listOf(row).flatMap(partOf))
    .filter((row) => row.length > 0)
    .map(fitted);
}

function partOf(part: Json): Part[] {
  const [name, width] = typeof part === "string" ? [part] : listOf(part);
  if (typeof name !== "string") return [];
  const share = finite(width) ?? 0;
  return [{ name, share: share > 0 ? share : 1 }];
}

/** Makes the shares of a row that is too full fit, in proportion. */
function fitted(row: Row): Row {
  const sum = row.reduce((total, { share }) => total + share, 0);
  const scale = sum > 1.0001 ? sum : 1;
  return row.map(({ name, share }) => ({ name, share: clamp(share / scale, 0, 1) }));
}
