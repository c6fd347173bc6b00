/** What a page holds of its cells: there at once, filled when the cells are. */

import type { EditorData } from "../cell/codemirror5";
import type { MadeCell, Session } from "../cell/handle";
import type { JsonObject } from "../protocol/messages";

export interface CellInfo {
  [option: string]: unknown;
  inputLocation: unknown;
  outputLocation: unknown;
  editorData: EditorData | null;
  session: Session | null;
  interacts: readonly JsonObject[];
  submit: (event?: Event) => false;
  /** Where one call made several cells, or none. */
  array?: CellInfo[];
}

const made = new WeakMap<CellInfo, MadeCell>();
const given = new WeakSet<object>();

/** Whether a call gave this: pages hand in all sorts of things. */
export function isCellInfo(value: unknown): value is CellInfo {
  return typeof value === "object" && value !== null && given.has(value);
}

/** Information about a cell that is on its way; `ready` is when it, and others made with it, are. */
export function cellInfo(
  options: Readonly<Record<string, unknown>>,
  ready: Promise<void>,
): CellInfo {
  const info: CellInfo = {
    ...options,
    inputLocation: options["inputLocation"],
    outputLocation: options["outputLocation"] ?? options["inputLocation"],
    editorData: null,
    session: null,
    interacts: [],
    submit: (event) => {
      event?.preventDefault?.();
      void ready.then(() => cellsOf(info).forEach((cell) => cell.evaluate()));
      return false;
    },
  };
  given.add(info);
  return info;
}

export function fill(info: CellInfo, cell: MadeCell): void {
  made.set(info, cell);
  info.editorData = cell.editorData;
  info.session = cell.session;
  Object.defineProperty(info, "interacts", { get: () => cell.interacts, configurable: true });
}

/** One information for each cell of a call. */
export function each(info: CellInfo): CellInfo[] {
  return Array.isArray(info.array) ? info.array.filter(isCellInfo) : [info];
}

export function cellsOf(info: CellInfo): MadeCell[] {
  return each(info).flatMap((one) => made.get(one) ?? []);
}
