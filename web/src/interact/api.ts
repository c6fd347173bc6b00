/** What a cell and its interacts know of each other. */

import type { InteractEvent } from "../protocol/interacts/displays";
import type { JsonObject } from "../protocol/messages";
import type { UpdateReply } from "../protocol/replies";

/** What an interact may ask of its cell. */
export interface InteractHost {
  readonly id: string;
  /** Where output for this interact appears; the cell fills and clears it. */
  readonly output: HTMLElement;
  /**
   * Has the kernel update the interact; the reply once the kernel is idle again.
   *
   * Sent at once. Rejects with KernelGone.
   */
  update(values: JsonObject, updateLast: boolean): Promise<UpdateReply>;
  /** The page's element for a selector; null when there is none, or none that may be used. */
  locate(selector: string): HTMLElement | null;
  /** HTML as this page shows it: harmless or trusted, files found, formulas typeset. */
  html(source: string): HTMLElement;
  /** Typesets the formulas in an element's text. */
  typeset(element: HTMLElement): void;
  /** What an interact once gave as `kept`, or null. */
  readonly saved: JsonObject | null;
  /** Something changed of what `kept` gives. */
  changed(): void;
}

/** Controls and output of one interact. */
export interface Interact {
  readonly element: HTMLElement;
  /** What the kernel tells of it. */
  handle(event: InteractEvent): void;
  /** The kernel has taken in these names' values; null is all of them. */
  cleared(changed: readonly string[] | null): void;
  /** What a permalink keeps of it: `{state, bookmarks}`. */
  kept(): JsonObject;
  /** The kernel was given up, and starts again at the next change: it then has to get all values. */
  rest(): void;
  /** The kernel is gone. */
  end(): void;
  /** The cell has taken it off the page: what it put elsewhere goes too. */
  dispose(): void;
}

/** What a control without an interact may ask of its cell. */
export interface ControlHost {
  /** Where output for this control appears; the cell fills and clears it. */
  readonly output: HTMLElement;
  html(source: string): HTMLElement;
  typeset(element: HTMLElement): void;
  /** Asks the kernel; fulfilled once it is idle again. Rejects with KernelGone. */
  send(type: "control_update" | "variable_update", content: JsonObject): Promise<unknown>;
}

/** A control that stands alone, bound to a variable. */
export interface Control {
  readonly element: HTMLElement;
  /** What the kernel tells of it, and every change of a variable. */
  handle(event: InteractEvent): void;
  end(): void;
  dispose(): void;
}

/** What the module `index` of this folder gives. */
export interface Interacts {
  createInteract(content: JsonObject, host: InteractHost): Interact;
  createControl(content: JsonObject, host: ControlHost): Control;
}
