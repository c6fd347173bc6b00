/** What a page holds of its cells: there at once, filled when the cells are. */

import { editorData } from "../cell/codemirror5";
import type { CellForm } from "../cell/form";
import type { MadeCell } from "../cell/handle";
import type { CellPlan } from "../cell/plan";
import type { CellHandle } from "../publicapi";
import type { Wishes } from "./options";

const made = new WeakMap<CellHandle, MadeCell>();
/** What a call gave, and when its cells are there. */
const given = new WeakMap<object, Promise<void>>();

/** Whether a call gave this: pages hand in all sorts of things. */
export function isCellHandle(value: unknown): value is CellHandle {
  return typeof value === "object" && value !== null && given.has(value);
}

/** Fulfilled when the handle's cells are there, or cannot be loaded. */
export function whenMade(handle: CellHandle): Promise<void> {
  return given.get(handle) ?? Promise.resolve();
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
  given.set(handle, ready);
  return handle;
}

/** Fills in what there is before the cell. */
export function fillEarly(handle: CellHandle, { input, output }: CellPlan, form: CellForm): void {
  const data = editorData(form.editor);
  form.editor.found = data;
  Object.assign(form.editor.element, { CodeMirror: data });
  handle.inputLocation = input;
  handle.outputLocation = output;
  handle.editorData = data;
}

export function fill(handle: CellHandle, cell: MadeCell): void {
  made.set(handle, cell);
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
