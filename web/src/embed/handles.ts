/** What a page holds of its cells: there at once, filled when the cells are. */

import type { MadeCell } from "../cell/handle";
import type { CellHandle } from "../publicapi";
import type { Wishes } from "./options";

const made = new WeakMap<CellHandle, MadeCell>();
const given = new WeakSet<object>();

/** Whether a call gave this: pages hand in all sorts of things. */
export function isCellHandle(value: unknown): value is CellHandle {
  return typeof value === "object" && value !== null && given.has(value);
}

/** The handle of a cell that is on its way; `ready` is when it, and others made with it, are. */
export function makeHandle(options: Wishes, ready: Promise<void>): CellHandle {
  const handle = {
    ...options,
    inputLocation: options["inputLocation"],
    outputLocation: options["outputLocation"] ?? options["inputLocation"],
    editorData: null,
    session: null,
    interacts: [],
    submit: (event?: Partial<Event>) => {
      event?.preventDefault?.();
      void ready.then(() => cellsOf(handle).forEach((cell) => cell.evaluate()));
      return false;
    },
  } as CellHandle;
  given.add(handle);
  return handle;
}

export function fill(handle: CellHandle, cell: MadeCell): void {
  made.set(handle, cell);
  handle.editorData = cell.editorData;
  handle.session = cell.session;
  Object.defineProperty(handle, "interacts", { get: () => cell.interacts, configurable: true });
}

/** One handle for each cell of a call. */
export function each(handle: CellHandle): CellHandle[] {
  return Array.isArray(handle.array) ? handle.array.filter(isCellHandle) : [handle];
}

export function cellsOf(handle: CellHandle): MadeCell[] {
  return each(handle).flatMap((one) => made.get(one) ?? []);
}
