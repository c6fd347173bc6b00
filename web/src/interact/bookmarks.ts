/** The bookmarks of an interact: named sets of values. */

import { button, division } from "../dom/elements";
import type { SavedInteract } from "../protocol/interacts/content";
import { MOST_PARTS } from "../protocol/interacts/values";
import type { Json, JsonObject } from "../protocol/messages";
import { input } from "./controls/control";

/** What the bookmarks need. */
export interface BookmarksOptions {
  /** A prefix for ids of elements, unique in the page. */
  readonly id: string;
  /** The values for a new bookmark. */
  readonly values: () => JsonObject;
  /** Called with the values of the bookmark that the visitor has selected. */
  readonly choose: (values: JsonObject) => void;
  /** Called when the visitor has added or deleted a bookmark. */
  readonly changed: () => void;
}

/** The list of bookmarks, and the form for a new one. */
export class Bookmarks {
  readonly element = document.createElement("details");
  readonly #options: BookmarksOptions;
  readonly #list = document.createElement("ul");
  readonly #name = input("text");
  readonly #keep = button("Save", "sagecell_bookmarkKeep", () => this.#keepAsNamed());
  readonly #kept = new Map<string, { readonly values: JsonObject; readonly entry: Element }>();
  #isEnabled = true;

  constructor(options: BookmarksOptions) {
    this.#options = options;
    const summary = document.createElement("summary");
    summary.textContent = "Bookmarks";
    this.#list.className = "sagecell_bookmarks_list";
    this.#name.id = `${options.id}-bookmark`;
    this.#name.maxLength = 100;
    this.#name.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.isComposing) return;
      event.preventDefault();
      this.#keepAsNamed();
    });
    const label = document.createElement("label");
    label.htmlFor = this.#name.id;
    label.textContent = "Save these values as";
    this.element.className = "sagecell_bookmarks";
    const fresh = division("sagecell_bookmarkNew", label, this.#name, this.#keep);
    this.element.append(summary, this.#list, fresh);
    this.#list.hidden = true;
  }

  /** Adds a bookmark, or replaces that with the same name; ignored when there are too many. */
  add(name: string, values: JsonObject): void {
    const before = this.#kept.get(name);
    if (this.#kept.size >= MOST_PARTS && before === undefined) return;
    // One at a time: drawing all of them for each would block the page for minutes.
    const entry = this.#entry(name, values);
    if (before === undefined) this.#list.append(entry);
    else before.entry.replaceWith(entry);
    this.#kept.set(name, { values, entry });
    this.#list.hidden = false;
    this.element.open = true;
  }

  /** Enables or disables all of it. */
  enable(enabled: boolean): void {
    this.#isEnabled = enabled;
    this.#name.readOnly = !enabled;
    this.#keep.disabled = !enabled;
    for (const push of this.#list.querySelectorAll("button")) push.disabled = !enabled;
  }

  /** All bookmarks, as permalinks store them. */
  all(): Json[] {
    return Array.from(this.#kept, ([name, { values }]) => ({ name, values }));
  }

  /** Adds the bookmarks of a permalink. */
  restore(saved: SavedInteract["bookmarks"]): void {
    for (const { name, values } of saved) this.add(name, values);
  }

  #keepAsNamed(): void {
    if (!this.#isEnabled) return;
    const name = this.#name.value.trim().toWellFormed();
    if (name === "") {
      this.#name.focus();
      return;
    }
    this.add(name, this.#options.values());
    this.#name.value = "";
    this.#options.changed();
  }

  #entry(name: string, values: JsonObject): Element {
    const entry = document.createElement("li");
    const words = name.toWellFormed();
    const forget = button("×", "sagecell_bookmarkForget", () => this.#forget(name));
    forget.setAttribute("aria-label", `Delete ${words}`);
    const choose = button(words, "sagecell_bookmarkChoose", () => this.#options.choose(values));
    choose.disabled = forget.disabled = !this.#isEnabled;
    entry.append(choose, forget);
    return entry;
  }

  #forget(name: string): void {
    this.#kept.get(name)?.entry.remove();
    this.#kept.delete(name);
    this.#list.hidden = this.#kept.size === 0;
    // The focused button no longer exists.
    this.#name.focus();
    this.#options.changed();
  }
}
