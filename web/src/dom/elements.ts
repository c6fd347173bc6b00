/** The few kinds of element that this page makes over and over. */

export function division(className: string, ...children: Node[]): HTMLDivElement {
  const element = document.createElement("div");
  element.className = className;
  element.append(...children);
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
