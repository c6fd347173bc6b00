/** A control: shows one value of an interact and lets the visitor change it. */

import type { ControlDescription } from "../../protocol/interacts/controls";
import type { Json } from "../../protocol/messages";
import { type InteractHost } from "../api";

/** The kinds of controls. */
export type Kind = ControlDescription["kind"];

/** The arguments for a control of kind `K`. */
export interface Making<K extends Kind> {
  readonly description: Extract<ControlDescription, { kind: K }>;
  /** An id, unique in the page: for the control's element, and as a prefix for its parts. */
  readonly id: string;
  /** The accessible name, for parts that need one of their own. */
  readonly label: string;
  readonly host: Pick<InteractHost, "html" | "typeset">;
  /** Called when the visitor has changed the value. */
  readonly changed: () => void;
}

/** A control on the page. */
export interface Control {
  readonly element: HTMLElement;
  /** The form field that the label belongs to; null for a group or a control that names itself. */
  readonly labelled: HTMLElement | null;
  /** The value for the kernel; undefined for a control without one. */
  value(): Json | undefined;
  /**
   * Shows a value, clamped to the control's range; a value of a wrong type is ignored.
   *
   * `index` selects a part of the control; see docs/protocol.rst.
   */
  show(value: Json, index?: Json): void;
  /** Sets whether the visitor can change the value. */
  enable(enabled: boolean): void;
  /** Called when the value has been sent: a push is reset. */
  sent?(): void;
  /** Marks push buttons, whose value belongs in no bookmark or permalink. */
  readonly isPush?: true;
}

/** Creates a control of kind `K`. */
export type MakeControl<K extends Kind> = (making: Making<K>) => Control;

type Field = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement | HTMLButtonElement;

/** A `Control.enable` for a control that consists of these fields. */
export function enabling(...fields: readonly Field[]): (enabled: boolean) => void {
  return (enabled) => {
    for (const field of fields) {
      // Read-only text can still be selected and copied.
      if (isText(field)) field.readOnly = !enabled;
      else field.disabled = !enabled;
    }
  };
}

function isText(field: Field): field is HTMLInputElement | HTMLTextAreaElement {
  return (
    field instanceof HTMLTextAreaElement ||
    (field instanceof HTMLInputElement && (field.type === "text" || field.type === "number"))
  );
}

/** An input element without autocompletion. */
export function input(type: string, className = ""): HTMLInputElement {
  const element = document.createElement("input");
  element.type = type;
  element.className = className;
  element.autocomplete = "off";
  return element;
}

/** A <div> with role "group". */
export function group(className: string, ...parts: Node[]): HTMLElement {
  const element = document.createElement("div");
  element.className = className;
  element.setAttribute("role", "group");
  element.append(...parts);
  return element;
}
