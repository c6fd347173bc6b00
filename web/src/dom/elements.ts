/** The few kinds of element that this page makes over and over. */

export function division(className: string, ...children: Node[]): HTMLDivElement {
  const element = document.createElement("div");
  element.className = className;
  element.append(...children);
  return element;
}

/** A sentence in the place of what is not shown. */
export function note(sentence: string): HTMLParagraphElement {
  const element = document.createElement("p");
  element.className = "sagecell_note";
  element.textContent = sentence;
  return element;
}

/** A push button that is no form's. */
export function button(label: string, className: string, act: () => void): HTMLButtonElement {
  const element = document.createElement("button");
  element.type = "button";
  element.className = className;
  element.textContent = label;
  element.addEventListener("click", act);
  return element;
}
