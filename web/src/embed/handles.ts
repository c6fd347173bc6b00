/** The objects that `makeSagecell` returns: created at once, filled when the cells are made. */

import { editorData } from "../cell/codemirror5";
import type { CellForm } from "../cell/form";
import type { MadeCell } from "../cell/handle";
import type { CellPlan } from "../cell/plan";
import type { CellHandle } from "../publicapi";
import type { Wishes } from "./options";

const made = new WeakMap<CellHandle, MadeCell>();
/** Each handle, and a promise that is fulfilled when its cells have been made. */
const given = new WeakMap<object, Promise<void>>();

/** Whether `value` is a handle that `makeHandle` created; pages may pass anything. */
export function isCellHandle(value: unknown): value is CellHandle {
  return typeof value === "object" && value !== null && given.has(value);
}

/** Fulfilled when the handle's cells have been made or could not be loaded. */
export function whenMade(handle: CellHandle): Promise<void> {
  return given.get(handle) ?? Promise.resolve();
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
  given.set(handle, ready);
  return handle;
}

/** Sets the properties that are known before the cell is made. */
export function fillEarly(handle: CellHandle, { input, output }: CellPlan, form: CellForm): void {
  const data = editorData(form.editor);
  form.editor.found = data;
  Object.assign(form.editor.element, { CodeMirror: data });
  handle.inputLocation = input;
  handle.outputLocation = output;
  handle.editorData = data;
}

/** Connects a handle to its cell. */
export function fill(handle: CellHandle, cell: MadeCell): void {
  made.set(handle, cell);
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
