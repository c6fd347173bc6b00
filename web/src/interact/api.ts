/** The interface between a cell and its interacts. */

import type { InteractEvent } from "../protocol/interacts/displays";
import type { JsonObject } from "../protocol/messages";
import type { UpdateReply } from "../protocol/replies";

/** The services of a cell for an interact. */
export interface InteractHost {
  /** The kernel's id for the interact. */
  readonly id: string;
  /** Shows the interact's output; the cell fills and clears it. */
  readonly output: HTMLElement;
  /**
   * Sends values to the kernel at once, which runs the interact's function.
   *
   * Fulfilled with the reply when the kernel is idle again. Rejects as `Ask` does.
   */
  update(values: JsonObject, updateLast: boolean): Promise<UpdateReply>;
  /** The page's element for a selector; null when there is none, or the interact may not use it. */
  locate(selector: string): HTMLElement | null;
  /** An element for HTML: sanitised unless trusted, `cell://` replaced, formulas typeset. */
  html(source: string): HTMLElement;
  /** Typesets the formulas in an element's text. */
  typeset(element: HTMLElement): void;
  /** An earlier result of `Interact.kept` to restore, or null. */
  readonly saved: JsonObject | null;
  /** To be called when the result of `Interact.kept` has changed. */
  changed(): void;
}

/** Controls and output of one interact. */
export interface Interact {
  readonly element: HTMLElement;
  /** Takes an event of the kernel for this interact, and every change of a variable. */
  handle(event: InteractEvent): void;
  /** The kernel has processed the values of these controls; null stands for all controls. */
  cleared(changed: readonly string[] | null): void;
  /** The state that a permalink stores: `{state, bookmarks}`. */
  kept(): JsonObject;
  /** The kernel has ended and restarts at the next change, which then sends all values. */
  rest(): void;
  /** The kernel has ended: the controls are disabled. */
  end(): void;
  /** The cell removes the interact: parts elsewhere on the page are removed, too. */
  dispose(): void;
}

/** The services of a cell for a control outside of interacts. */
export interface ControlHost {
  /** Shows the control's output; the cell fills and clears it. */
  readonly output: HTMLElement;
  /** As `InteractHost.html`. */
  html(source: string): HTMLElement;
  /** As `InteractHost.typeset`. */
  typeset(element: HTMLElement): void;
  /** Sends a request; fulfilled when the kernel is idle again. Rejects as `Ask` does. */
  send(type: "control_update" | "variable_update", content: JsonObject): Promise<unknown>;
}

/** A control outside of interacts, bound to variables of a namespace. */
export interface Control {
  readonly element: HTMLElement;
  /** Takes an event of the kernel for this control, and every change of a variable. */
  handle(event: InteractEvent): void;
  /** The kernel has ended: the control is disabled. */
  end(): void;
  /** The cell removes the control. */
  dispose(): void;
}

/** The exports of this folder's module `index`, which is loaded on demand. */
export interface Interacts {
  createInteract(content: JsonObject, host: InteractHost): Interact;
  createControl(content: JsonObject, host: ControlHost): Control;
}
