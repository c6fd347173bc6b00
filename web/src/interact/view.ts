/** An interact on the page: the layout of its controls and output, and its updates. */

import { division } from "../dom/elements";
import { type InteractContent, MOST_CONTROLS, decodeSaved } from "../protocol/interacts/content";
import type { InteractEvent, UpdateEvent } from "../protocol/interacts/displays";
import type { Row } from "../protocol/interacts/layout";
import { wordsOf } from "../protocol/interacts/values";
import type { Json, JsonObject } from "../protocol/messages";
import { Bookmarks } from "./bookmarks";
import { type Interact, type InteractHost } from "./api";
import { Latest } from "./coalesce";
import { type Place, makePlace, markDirty, valuesOf } from "./fields";

let blocks = 0;

/** One interact. */
export class Block implements Interact {
  readonly element: HTMLElement;
  readonly #host: InteractHost;
  readonly #isReadonly: boolean;
  readonly #places = new Map<string, Place>();
  readonly #latest: Latest;
  readonly #bookmarks: Bookmarks;
  readonly #rows = division("sagecell_interactRows");
  readonly #note = document.createElement("p");
  /** What only screen readers say: they do not read the output when it changes. */
  readonly #spoken = document.createElement("span");
  /** Parts that are placed elsewhere on the page. */
  readonly #away: HTMLElement[] = [];
  readonly #locations: ReadonlyMap<string, string>;
  readonly #id = `sagecell-interact-${(blocks += 1)}`;
  #parts = 0;
  #isOver = false;

  constructor(content: InteractContent, host: InteractHost) {
    this.#host = host;
    this.#isReadonly = content.isReadonly;
    this.#locations = content.locations;
    this.#latest = new Latest({ run: () => this.#run(), onLost: () => this.end() });
    this.#bookmarks = new Bookmarks({
      id: this.#id,
      values: () => this.#state(),
      choose: (values) => this.#choose(values),
      changed: () => host.changed(),
    });
    this.#note.className = "sagecell_note sagecell_interactNote";
    this.#note.setAttribute("role", "status");
    this.#note.hidden = true;
    this.#spoken.className = "sagecell_spoken";
    this.#spoken.setAttribute("role", "status");
    this.element = division("sagecell_interactContainer", this.#rows, this.#note, this.#spoken);
    this.element.setAttribute("role", "group");
    this.element.setAttribute("aria-label", "Interact");
    this.#build(content);
    this.#bookmarks.enable(!this.#isReadonly);
    this.#restore(host.saved);
  }

  handle(event: InteractEvent): void {
    switch (event.kind) {
      case "update":
        this.#update(event);
        return;
      case "new-control":
        this.#addControl(event.name, event.description);
        return;
      case "del-control":
        this.#places.get(event.name)?.cell.remove();
        this.#places.delete(event.name);
        return;
      case "bookmark":
        this.#bookmarks.add(event.name, event.values);
        this.#host.changed();
        return;
    }
  }

  cleared(changed: readonly string[] | null): void {
    for (const name of changed ?? this.#places.keys()) this.#taken(this.#places.get(name));
  }

  kept(): JsonObject {
    return { state: this.#state(), bookmarks: this.#bookmarks.all() };
  }

  rest(): void {
    if (this.#isOver) return;
    for (const place of this.#places.values())
      place.isUnsent ||= place.control.isPush === undefined;
    this.#say("These controls are resting. They restart when you use them.");
  }

  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#latest.end();
    for (const { control } of this.#places.values()) control.enable(false);
    this.#bookmarks.enable(false);
    this.element.classList.add("sagecell_interactEnded");
    this.element.setAttribute("aria-disabled", "true");
    this.#say("The program of these controls has ended. Evaluate the cell again to use them.");
  }

  dispose(): void {
    this.#latest.end();
    for (const element of this.#away) element.remove();
  }

  #build({ controls, rows }: InteractContent): void {
    for (const [name, description] of controls) this.#makePlace(name, description);
    const parts = new Map<string, HTMLElement>();
    for (const { name, cell } of this.#places.values()) parts.set(name, cell);
    parts.set("_bookmarks", this.#bookmarks.element);
    parts.set("_output", division("sagecell_interactOutput", this.#host.output));
    for (const [name, part] of parts) {
      if (this.#locate(name, part)) parts.delete(name);
    }
    for (const row of rows) this.#addRow(row, parts);
    // Controls that the layout does not mention get a row each.
    for (const [name, part] of parts) {
      if (this.#places.has(name)) this.#rows.append(rowElement([{ part, share: 1 }]));
    }
  }

  /** Adds a row of the layout; a part that is mentioned twice appears once. */
  #addRow(row: Row, parts: Map<string, HTMLElement>): void {
    const cells = row.flatMap(({ name, share }) => {
      const part = parts.get(name);
      if (part === undefined || !parts.delete(name)) return [];
      return [{ part, share }];
    });
    if (cells.length > 0) this.#rows.append(rowElement(cells));
  }

  /** Places a part elsewhere on the page if the author asked for it; false when it stays inside. */
  #locate(name: string, part: HTMLElement): boolean {
    const selector = this.#locations.get(name) ?? "";
    const target = selector === "" ? null : this.#host.locate(selector);
    if (target === null || this.element.contains(target)) return false;
    target.append(part);
    this.#away.push(part);
    return true;
  }

  #addControl(name: string, description: JsonObject): void {
    const before = this.#places.get(name);
    if (before === undefined && this.#places.size >= MOST_CONTROLS) return;
    const place = this.#makePlace(name, description);
    if (before !== undefined) {
      place.cell.style.setProperty("--share", before.cell.style.getPropertyValue("--share"));
      before.cell.replaceWith(place.cell);
      if (this.#away.includes(before.cell)) this.#away.push(place.cell);
    } else if (!this.#locate(name, place.cell)) {
      const row = rowElement([{ part: place.cell, share: 1 }]);
      const output = this.#rows.querySelector(":scope > * > .sagecell_interactOutput");
      this.#rows.insertBefore(row, output?.parentElement ?? null);
    }
    this.#host.changed();
  }

  #makePlace(name: string, description: JsonObject): Place {
    const place = makePlace({
      name,
      description,
      id: `${this.#id}-${(this.#parts += 1)}`,
      host: this.#host,
      changed: (changed) => this.#changed(changed),
    });
    this.#places.set(name, place);
    place.control.enable(!this.#isReadonly && !this.#isOver);
    return place;
  }

  #changed(place: Place): void {
    if (this.#isOver) return;
    place.isUnsent = true;
    if (place.control.isPush === undefined) markDirty(place, true);
    // A text that is the same as before would not be said again.
    this.#spoken.textContent = "";
    if (place.updates) this.#latest.ask();
    this.#host.changed();
  }

  /** Sends all changed values; fulfilled when the kernel has processed them. */
  async #run(): Promise<void> {
    const places = Array.from(this.#places.values()).filter(({ isUnsent }) => isUnsent);
    const values = valuesOf(places);
    for (const place of places) {
      place.isUnsent = false;
      place.control.sent?.();
    }
    const { refusal } = await this.#host.update(values, true);
    places.forEach((place) => this.#taken(place));
    this.#say(refusal);
    const isLatest = places.every(({ isUnsent }) => !isUnsent);
    if (refusal === "" && isLatest) this.#spoken.textContent = "Output updated";
  }

  /** Unmarks a control whose value was processed, unless the visitor has changed it since. */
  #taken(place: Place | undefined): void {
    if (place !== undefined && !place.isUnsent) markDirty(place, false);
  }

  #update({ control, value, index }: UpdateEvent): void {
    const place = this.#places.get(wordsOf(control));
    // An unsent change of the visitor is newer than the kernel's value.
    if (place === undefined || value === undefined || place.isUnsent) return;
    place.control.show(value, index);
    markDirty(place, false);
    this.#host.changed();
  }

  #choose(values: JsonObject): void {
    this.#show(values);
    this.#latest.ask();
    this.#host.changed();
  }

  #restore(saved: JsonObject | null): void {
    if (saved === null || this.#isReadonly) return;
    const { state, bookmarks } = decodeSaved(saved);
    this.#bookmarks.restore(bookmarks);
    if (this.#show(state)) this.#latest.ask();
  }

  /** Shows values and marks them as unsent; whether there were any. */
  #show(values: JsonObject): boolean {
    const shown = Object.entries(values).filter(([name, value]) => this.#showOne(name, value));
    return shown.length > 0;
  }

  #showOne(name: string, value: Json): boolean {
    const place = this.#places.get(name);
    if (place === undefined || place.control.isPush || place.control.value() === undefined) {
      return false;
    }
    place.control.show(value);
    place.isUnsent = true;
    markDirty(place, true);
    return true;
  }

  #state(): JsonObject {
    return valuesOf(Array.from(this.#places.values()).filter(({ control }) => !control.isPush));
  }

  #say(sentence: string): void {
    this.#note.textContent = sentence;
    this.#note.hidden = sentence === "";
  }
}

function rowElement(cells: readonly { part: HTMLElement; share: number }[]): HTMLElement {
  const row = division("sagecell_interactRow", ...cells.map(({ part }) => part));
  for (const { part, share } of cells) part.style.setProperty("--share", String(share));
  row.classList.toggle("sagecell_interactWhole", cells.length === 1 && cells[0]?.share === 1);
  return row;
}
