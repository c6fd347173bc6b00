/** Elements that many modules create. */

/** A <div> with the CSS classes in `className`. */
export function division(className: string, ...children: Node[]): HTMLDivElement {
  const element = document.createElement("div");
  element.className = className;
  element.append(...children);
  return element;
}

/** A paragraph in the place of something that is not shown. */
export function note(sentence: string): HTMLParagraphElement {
  const element = document.createElement("p");
  element.className = "sagecell_note";
  element.textContent = sentence;
  return element;
}

/**
 * A button that calls `act` on each click, and never submits a form.
 *
 * It has no `type`, because old preflights of Tailwind make `[type=button]` transparent.
 */
export function button(label: string, className: string, act: () => void): HTMLButtonElement {
  const element = document.createElement("button");
  element.setAttribute("form", "");
  element.className = className;
  element.textContent = label;
  element.addEventListener("click", act);
  return element;
}
