/** The elements that a page's options refer to, and the programs in them. */

import { textOf } from "./options";

/** Marks elements that are cells; other copies of the script on the page use the same symbol. */
const CLAIMED = Symbol.for("sagecell.cell");

/** The elements for a selector, an element, a list or a jQuery object; none for anything else. */
export function elementsAt(location: unknown): HTMLElement[] {
  if (typeof location === "string") {
    try {
      return [...document.querySelectorAll<HTMLElement>(location)];
    } catch {
      return []; // The selector is malformed.
    }
  }
  if (location instanceof HTMLElement) return [location];
  if (typeof location !== "object" || location === null || !("length" in location)) return [];
  return Array.from(location as ArrayLike<unknown>).filter((item) => item instanceof HTMLElement);
}

/** Whether a cell has made the element for its form, which a selector such as `div` also matches. */
export function isInForm(element: HTMLElement): boolean {
  return element.closest(".sagecell_input") !== null;
}

/** Marks an element as a cell; false when it is one already. */
export function claim(element: HTMLElement): boolean {
  const marked = element as { [CLAIMED]?: true };
  if (marked[CLAIMED] === true) return false;
  marked[CLAIMED] = true;
  return true;
}

/** Undoes `claim`. */
export function release(element: HTMLElement): void {
  (element as { [CLAIMED]?: boolean })[CLAIMED] = false;
}

/**
 * The program for a cell, without surrounding white space.
 *
 * It is the first of these that exists: `code`, the content of the first element at
 * `codeLocation`, a script in `element`, a text area (`element` or one in it), its text.
 */
export function programFor(code: unknown, codeLocation: unknown, element: HTMLElement): string {
  if (code !== undefined && code !== null) return textOf(code).trim();
  const [elsewhere] = elementsAt(codeLocation);
  if (elsewhere !== undefined) return elsewhere.innerHTML.trim();
  const script = element.querySelector(":scope > script");
  if (script !== null) return script.innerHTML.trim();
  const area = element.matches("textarea") ? element : element.querySelector("textarea");
  if (area !== null) return area.value.trim();
  return element.textContent.trim();
}

/** An element that can contain a cell: a text area is replaced by a <div> with its id. */
export function roomFor(element: HTMLElement): HTMLElement {
  if (!(element instanceof HTMLTextAreaElement)) return element;
  const room = document.createElement("div");
  if (element.id !== "") room.id = element.id;
  room.className = element.className;
  element.replaceWith(room);
  claim(room);
  return room;
}
