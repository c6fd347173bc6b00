/** The layout of an interact: rows of parts. */

import type { Json } from "../json";
import { clamp, finite, listOf } from "./values";

/** The name of a part, and its share of the row's width, above 0 and at most 1. */
export interface Part {
  readonly name: string;
  readonly share: number;
}

/** The parts of a row, from left to right. */
export type Row = readonly Part[];

/** Decodes a layout; malformed parts and empty rows are left out. */
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

/** Scales the shares of a row down in proportion if their sum exceeds 1. */
function fitted(row: Row): Row {
  const sum = row.reduce((total, { share }) => total + share, 0);
  const scale = sum > 1.0001 ? sum : 1;
  return row.map(({ name, share }) => ({ name, share: clamp(share / scale, 0, 1) }));
}
