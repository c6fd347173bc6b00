/** The objects that `makeSagecell` returns: created at once, filled when the cells are made. */

import type { MadeCell } from "../cell/handle";
import type { CellHandle } from "../publicapi";
import type { Wishes } from "./options";

const made = new WeakMap<CellHandle, MadeCell>();
const given = new WeakSet<object>();

/** Whether `value` is a handle that `makeHandle` created; pages may pass anything. */
export function isCellHandle(value: unknown): value is CellHandle {
  return typeof value === "object" && value !== null && given.has(value);
}

/** The handle of a cell that is being made; `ready` is fulfilled when all cells of the call are. */
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

/** Connects a handle to its cell. */
export function fill(handle: CellHandle, cell: MadeCell): void {
  made.set(handle, cell);
  handle.editorData = cell.editorData;
  handle.session = cell.session;
  Object.defineProperty(handle, "interacts", { get: () => cell.interacts, configurable: true });
}

/** One handle for each cell of the call that returned `handle`. */
export function each(handle: CellHandle): CellHandle[] {
  return Array.isArray(handle.array) ? handle.array.filter(isCellHandle) : [handle];
}

/** The cells of the call that returned `handle`, without those that are not made yet. */
export function cellsOf(handle: CellHandle): MadeCell[] {
  return each(handle).flatMap((one) => made.get(one) ?? []);
}
