/** Sets of values under names, to come back to. */

import { button, division } from "../dom/elements";
import type { SavedInteract } from "../protocol/interacts/content";
import { MOST_PARTS } from "../protocol/interacts/values";
import type { Json, JsonObject } from "../protocol/messages";
import { input } from "./controls/control";

export interface BookmarksOptions {
  readonly id: string;
  /** The values that a new bookmark keeps. */
  readonly values: () => JsonObject;
  readonly choose: (values: JsonObject) => void;
  /** There is another set of bookmarks now. */
  readonly changed: () => void;
}

export class Bookmarks {
  readonly element = document.createElement("details");
  readonly #options: BookmarksOptions;
  readonly #list = document.createElement("ul");
  readonly #name = input("text");
  readonly #keep = button("Keep", "sagecell_bookmarkKeep", () => this.#keepAsNamed());
  readonly #kept = new Map<string, JsonObject>();
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
    label.textContent = "These values as";
    this.element.className = "sagecell_bookmarks";
    const fresh = division("sagecell_bookmarkNew", label, this.#name, this.#keep);
    this.element.append(summary, this.#list, fresh);
    this.#draw();
  }

  /** Adds one, in the place of one with the same name. */
  add(name: string, values: JsonObject): void {
    if (this.#kept.size >= MOST_PARTS && !this.#kept.has(name)) return;
    this.#kept.set(name, values);
    this.#draw();
    this.element.open = true;
  }

  enable(enabled: boolean): void {
    this.#isEnabled = enabled;
    this.#name.readOnly = !enabled;
    this.#keep.disabled = !enabled;
    for (const push of this.#list.querySelectorAll("button")) push.disabled = !enabled;
  }

  /** All of them, as a link keeps them. */
  all(): Json[] {
    return Array.from(this.#kept, ([name, values]) => ({ name, values }));
  }

  /** Adds those that a link has kept. */
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

  #draw(): void {
    this.#list.hidden = this.#kept.size === 0;
    this.#list.replaceChildren(
      ...Array.from(this.#kept, ([name, values]) => {
        const entry = document.createElement("li");
        const words = name.toWellFormed();
        const forget = button("×", "sagecell_bookmarkForget", () => this.#forget(name));
        forget.setAttribute("aria-label", `Forget ${words}`);
        const choose = button(words, "sagecell_bookmarkChoose", () => this.#options.choose(values));
        choose.disabled = forget.disabled = !this.#isEnabled;
        entry.append(choose, forget);
        return entry;
      }),
    );
  }

  #forget(name: string): void {
    this.#kept.delete(name);
    this.#draw();
    // The button that was pressed has gone: the keyboard goes on from here.
    this.#name.focus();
    this.#options.changed();
  }
}
