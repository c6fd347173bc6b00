/** Controls with their labels, by name. */

import { division } from "../dom/elements";
import { labelOf, updates } from "../protocol/interacts/controls";
import type { Json, JsonObject } from "../protocol/messages";
import { type InteractHost } from "./api";
import { type Control } from "./controls/control";
import { makeControl } from "./controls/controls";

/** A control and its element on the page. */
export interface Place {
  readonly name: string;
  readonly control: Control;
  /** Contains the label and the control. */
  readonly cell: HTMLElement;
  /** Whether a change is sent at once; otherwise with the next update. */
  readonly updates: boolean;
  /** Whether the visitor has changed the value since it was last sent. */
  isUnsent: boolean;
}

/** What `makePlace` needs. */
export interface PlaceOptions {
  readonly name: string;
  readonly description: JsonObject;
  /** An id for the control's element, unique in the page. */
  readonly id: string;
  readonly host: Pick<InteractHost, "html" | "typeset">;
  /** Called when the visitor has changed the value. */
  readonly changed: (place: Place) => void;
}

/** Creates a control and its label, which is also its accessible name. */
export function makePlace({ name, description, id, host, changed }: PlaceOptions): Place {
  const source = labelOf(description);
  const words = wordsFor(source, host);
  // From the source, because the text of a typeset formula repeats itself.
  const accessibleName = source.replace(/<[^<>]*>/g, "").trim() || name.toWellFormed();
  const control = makeControl({
    description,
    id,
    label: accessibleName,
    host,
    changed: () => changed(place),
  });
  const { labelled } = control;
  const label = document.createElement(labelled === null ? "span" : "label");
  label.className = "sagecell_interactControlLabel";
  label.id = `${id}-label`;
  label.append(words);
  if (label instanceof HTMLLabelElement) label.htmlFor = id;
  nameElement(control, source.trim() === "" ? null : label.id, accessibleName);
  const cell = division(
    "sagecell_interactControlCell",
    label,
    division("sagecell_interactControl", control.element),
  );
  cell.dataset["name"] = name.toWellFormed();
  if (source.trim() === "") label.hidden = true;
  const place: Place = {
    name,
    control,
    cell,
    updates: updates(description),
    isUnsent: false,
  };
  return place;
}

/** The element for a label: HTML if the source looks like it, otherwise text with formulas. */
function wordsFor(source: string, host: PlaceOptions["host"]): HTMLElement {
  if (/[<&]/.test(source)) return host.html(source);
  const words = document.createElement("span");
  words.textContent = source;
  host.typeset(words);
  return words;
}

function nameElement({ element, labelled }: Control, labelId: string | null, name: string): void {
  if (labelled !== null) {
    if (labelId === null) labelled.setAttribute("aria-label", name);
  } else if (element.matches("fieldset, [role=group]")) {
    if (labelId === null) element.setAttribute("aria-label", name);
    else element.setAttribute("aria-labelledby", labelId);
  }
}

/** Marks a control whose value the kernel has not processed yet. */
export function markDirty({ cell }: Place, isDirty: boolean): void {
  cell.classList.toggle("sagecell_dirtyControl", isDirty);
}

/** The values for the kernel, by name. `fromEntries` makes "__proto__" an ordinary name. */
export function valuesOf(places: Iterable<Place>): JsonObject {
  const values: [string, Json][] = [];
  for (const { name, control } of places) {
    const value = control.value();
    if (value !== undefined) values.push([name, value]);
  }
  return Object.fromEntries(values);
}
