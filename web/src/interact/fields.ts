/** Controls by name, each in a cell with its label. */

import { division } from "../dom/elements";
import { labelOf, updates } from "../protocol/interacts/controls";
import type { Json, JsonObject } from "../protocol/messages";
import { type InteractHost } from "./api";
import { type Control } from "./controls/control";
import { makeControl } from "./controls/controls";

/** A control where it stands. */
export interface Place {
  readonly name: string;
  readonly control: Control;
  readonly cell: HTMLElement;
  /** A change is sent at once; else with whatever is sent next. */
  readonly updates: boolean;
  /** The visitor has changed the value since it was last sent. */
  isUnsent: boolean;
}

export interface PlaceOptions {
  readonly name: string;
  readonly description: JsonObject;
  readonly id: string;
  readonly host: Pick<InteractHost, "html" | "typeset">;
  readonly changed: (place: Place) => void;
}

/** A new cell with its control; the label names the control for those who cannot see it, too. */
export function makePlace({ name, description, id, host, changed }: PlaceOptions): Place {
  const source = labelOf(description);
  const words = wordsFor(source, host);
  // Of the source, for a formula that is typeset says everything twice.
  const spoken = source.replace(/<[^>]*>/g, "").trim() || name.toWellFormed();
  const control = makeControl({
    description,
    id,
    label: spoken,
    host,
    changed: () => changed(place),
  });
  const { labelled } = control;
  const label = document.createElement(labelled === null ? "span" : "label");
  label.className = "sagecell_interactControlLabel";
  label.id = `${id}-label`;
  label.append(words);
  if (label instanceof HTMLLabelElement) label.htmlFor = id;
  nameElement(control, source.trim() === "" ? null : label.id, spoken);
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

/** A label as the page shows it: text with formulas, or HTML where it is some. */
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

/** Says whether a value is still to be taken in by the kernel. */
export function markDirty({ cell }: Place, isDirty: boolean): void {
  cell.classList.toggle("sagecell_dirtyControl", isDirty);
}

/** The values of places as they go to the kernel; a name such as "__proto__" is one like others. */
export function valuesOf(places: Iterable<Place>): JsonObject {
  const values: [string, Json][] = [];
  for (const { name, control } of places) {
    const value = control.value();
    if (value !== undefined) values.push([name, value]);
  }
  return Object.fromEntries(values);
}
