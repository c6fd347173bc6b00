/** The elements that a page's options refer to, and the programs in them. */

import { dedented, unwrapped, written } from "../dom/markup";
import { select } from "../dom/select";
import { textOf } from "./options";

/** Marks elements that are cells; other copies of the script on the page use the same symbol. */
const CLAIMED = Symbol.for("sagecell.cell");

/** Lists within lists are searched to this depth, such as an array of jQuery objects. */
const DEPTH = 3;

/** The elements for a selector, an element, a jQuery object or a list of these; else none. */
export function elementsAt(location: unknown, depth = DEPTH): HTMLElement[] {
  if (typeof location === "string") return select(location);
  if (location instanceof HTMLElement) return [location];
  if (typeof location !== "object" || location === null || !("length" in location)) return [];
  if (depth === 0) return [];
  return Array.from(location as ArrayLike<unknown>).flatMap((each) => elementsAt(each, depth - 1));
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
 * The program for a cell, without surrounding white space and common indentation.
 *
 * It is the first of these that exists: `code`, the content of `elsewhere`, a script in `element`,
 * a text area (`element` or one in it), the text of `element`.
 */
export function programFor(
  code: unknown,
  elsewhere: HTMLElement | undefined,
  element: HTMLElement,
  language: string,
): string {
  if (code !== undefined && code !== null) return dedented(textOf(code));
  if (elsewhere !== undefined) return dedented(unwrapped(elsewhere.innerHTML));
  const script = element.querySelector(":scope > script");
  if (script !== null) return dedented(unwrapped(script.innerHTML));
  const area = element.matches("textarea") ? element : element.querySelector("textarea");
  if (area instanceof HTMLTextAreaElement) return dedented(area.value);
  // In a program that is HTML, markup may be meant.
  const text = language === "html" ? element.textContent : written(element);
  return dedented(unwrapped(text));
}

/** The text areas that became cells, and the elements around them. */
const rooms = new WeakMap<HTMLTextAreaElement, HTMLElement>();

/**
 * An element that can contain a cell: for a text area, a <div> of its classes around it.
 *
 * The text area keeps its id and name: forms submit it, and scripts read its value.
 */
export function roomFor(element: HTMLElement): HTMLElement {
  if (!(element instanceof HTMLTextAreaElement)) return element;
  const known = rooms.get(element);
  const room = known?.contains(element) ? known : document.createElement("div");
  if (room !== known) {
    room.className = element.className;
    element.replaceWith(room);
    room.append(element);
    rooms.set(element, room);
  }
  claim(room);
  return room;
}
