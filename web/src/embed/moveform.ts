/** A cell's input form, away from the page for a while. */

const forms = new WeakMap<HTMLElement, Comment>();

/** Puts the form of the cell in `input` where nobody sees it. */
export function moveForm(input: HTMLElement): void {
  const form = input.querySelector<HTMLElement>(":scope > .sagecell_input");
  if (form === null || forms.has(input)) return;
  const mark = document.createComment(" sagecell ");
  form.replaceWith(mark);
  forms.set(input, mark);
  const box = document.createElement("div");
  box.className = "sagecell";
  box.append(form);
  hidden().append(box);
  boxes.set(mark, box);
}

/** Puts it back where it was. */
export function restoreForm(input: HTMLElement): void {
  const mark = forms.get(input);
  if (mark === undefined) return;
  forms.delete(input);
  const box = boxes.get(mark);
  mark.replaceWith(...(box?.childNodes ?? []));
  box?.remove();
}

const boxes = new WeakMap<Comment, HTMLElement>();

function hidden(): HTMLElement {
  const known = document.getElementById("sagecell_moved");
  if (known !== null) return known;
  const fresh = document.createElement("div");
  fresh.id = "sagecell_moved";
  fresh.hidden = true;
  document.body.append(fresh);
  return fresh;
}
