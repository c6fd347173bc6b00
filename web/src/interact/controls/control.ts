/** A control: what shows one value of an interact and lets the visitor change it. */

import type { ControlDescription } from "../../protocol/interacts/controls";
import type { Json } from "../../protocol/messages";
import { type InteractHost } from "../api";

export type Kind = ControlDescription["kind"];

/** What a control of this kind is made from. */
export interface Making<K extends Kind> {
  readonly description: Extract<ControlDescription, { kind: K }>;
  /** An id that no other element has, for its own element and to begin its parts' ids with. */
  readonly id: string;
  /** Its name in words, for parts that are named one by one. */
  readonly label: string;
  readonly host: Pick<InteractHost, "html" | "typeset">;
  /** The visitor has changed the value. */
  readonly changed: () => void;
}

export interface Control {
  readonly element: HTMLElement;
  /** The element that a label stands for; null where a group is named by its label instead. */
  readonly labelled: HTMLElement | null;
  /** The value as it goes to the kernel; undefined where there is nothing to say. */
  value(): Json | undefined;
  /** Shows a value, brought into range; one that is none is ignored. `index` names a part. */
  show(value: Json, index?: Json): void;
  /** Whether the visitor can change it. */
  enable(enabled: boolean): void;
  /** The value has been sent: a push is over. */
  sent?(): void;
  /** Pushes are no state that a bookmark could bring back. */
  readonly isPush?: true;
}

export type MakeControl<K extends Kind> = (making: Making<K>) => Control;

type Field = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement | HTMLButtonElement;

/** `enable` for a control that consists of these. */
export function enabling(...fields: readonly Field[]): (enabled: boolean) => void {
  return (enabled) => {
    for (const field of fields) {
      // Text that nobody may change can still be read and copied.
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

/** An input element that saves nothing of what is put into it. */
export function input(type: string, className = ""): HTMLInputElement {
  const element = document.createElement("input");
  element.type = type;
  element.className = className;
  element.autocomplete = "off";
  return element;
}

/** A group of parts under one name. */
export function group(className: string, ...parts: Node[]): HTMLElement {
  const element = document.createElement("div");
  element.className = className;
  element.setAttribute("role", "group");
  element.append(...parts);
  return element;
}
