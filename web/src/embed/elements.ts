/** The elements that pages mean, and the programs in them. */

import { textOf } from "./options";

/** Also known to other copies of the script: an element becomes a cell once. */
const CLAIMED = Symbol.for("sagecell.cell");

/** The elements that a selector, an element, a list or a jQuery object names; none for anything else. */
export function elementsAt(location: unknown): HTMLElement[] {
  if (typeof location === "string") {
    try {
      return [...document.querySelectorAll<HTMLElement>(location)];
    } catch {
      return []; // No selector after all.
    }
  }
  if (location instanceof HTMLElement) return [location];
  if (typeof location !== "object" || location === null || !("length" in location)) return [];
  return Array.from(location as ArrayLike<unknown>).filter((item) => item instanceof HTMLElement);
}

/** Takes an element for a cell; false when it is one already. */
export function claim(element: HTMLElement): boolean {
  const marked = element as { [CLAIMED]?: true };
  if (marked[CLAIMED] === true) return false;
  marked[CLAIMED] = true;
  return true;
}

export function release(element: HTMLElement): void {
  (element as { [CLAIMED]?: boolean })[CLAIMED] = false;
}

/** The program for a cell: told outright, elsewhere on the page, or in the element. */
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

/** An element that can have a cell in it: in place of a text area, a division that takes its name. */
export function roomFor(element: HTMLElement): HTMLElement {
  if (!(element instanceof HTMLTextAreaElement)) return element;
  const room = document.createElement("div");
  if (element.id !== "") room.id = element.id;
  room.className = element.className;
  element.replaceWith(room);
  claim(room);
  return room;
}
