/** Hides a cell's input form, and shows it again. */

const forms = new WeakMap<HTMLElement, Comment>();

/** Moves the form of the cell in `input` into a hidden element at the end of the body. */
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

/** Undoes `moveForm`; does nothing for a cell whose form was not moved. */
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
