/** Sage's menu of a scene, with a sign that no font has to have, for keyboards and screen readers too. */

/** Three lines, in the colour of the text. */
const SIGN =
  '<svg viewBox="0 0 16 16" width="20" height="20" aria-hidden="true">' +
  '<path d="M2 4h12M2 8h12M2 12h12" stroke="currentColor" stroke-width="1.5" fill="none"/></svg>';

/** Gives the menu a button in place of its character. `content` has the entries. */
export function adaptMenu(container: HTMLElement, content: HTMLElement): void {
  const button = document.createElement("button");
  button.type = "button";
  button.innerHTML = SIGN;
  button.setAttribute("aria-label", "Menu of the scene");
  const isOpen = () => content.style.display === "block";
  const tell = () => button.setAttribute("aria-expanded", String(isOpen()));
  const own = [...container.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE);
  own.forEach((node) => node.remove());
  container.prepend(button);
  for (const entry of content.children) {
    entry.setAttribute("role", "button");
    if (entry instanceof HTMLElement) entry.tabIndex = 0;
  }
  // After the page's own listener, which opens and closes it.
  container.addEventListener("click", tell);
  container.addEventListener("keydown", (event) => {
    const { key, target } = event;
    const isEntry = target instanceof HTMLElement && target.parentElement === content;
    if (isEntry && (key === "Enter" || key === " ")) target.click();
    else if (key === "Escape" && isOpen()) button.click();
    else return;
    event.preventDefault();
    button.focus();
  });
  tell();
}
