/** Links that bring a program back, and how a visitor gets hold of them. */

import { button } from "../dom/elements";
import { report } from "../dom/errors";
import { type KeptProgram, Refusal } from "../kernel/server";
import type { Permalink } from "../protocol/answers";

/** Characters in an address: the server, and the proxies that its recipes set up, take no longer one. */
export const LONGEST = 65_536;

export interface ShareOptions {
  readonly keep: (program: KeptProgram) => Promise<Permalink>;
  /** An absolute address for a path on the server. */
  readonly address: (path: string) => string;
  readonly copy: (field: HTMLInputElement) => Promise<void>;
}

export class Share {
  readonly element = document.createElement("div");
  readonly #options: ShareOptions;

  constructor(options: ShareOptions) {
    this.#options = options;
    this.element.className = "sagecell_permalink";
    this.element.setAttribute("role", "group");
    this.element.setAttribute("aria-label", "Links to this program");
    this.element.hidden = true;
  }

  /** Shows links to `program`, or why there are none. The promise never fails. */
  async show(program: KeptProgram): Promise<void> {
    try {
      const { query, zip, interacts } = await this.#options.keep(program);
      const whole = { z: zip, lang: program.language };
      const short = `?${new URLSearchParams({ q: query })}`;
      const long = `?${new URLSearchParams(interacts ? { ...whole, interacts } : whole)}`;
      const fits = this.#options.address(long).length <= LONGEST;
      this.#fill(
        this.#row("Short link", short, "kept by this server"),
        fits
          ? this.#row("Long link", long, "holds the whole program")
          : words("The program is too long for a link that holds the whole of it."),
      );
      this.element.querySelector("input")?.select();
    } catch (error) {
      if (!(error instanceof Refusal)) report(error, "showing links to a program");
      const alert = words(error instanceof Refusal ? error.message : String(error));
      alert.setAttribute("role", "alert");
      this.#fill(alert);
    }
  }

  hide(): void {
    this.element.hidden = true;
  }

  #fill(...rows: HTMLElement[]): void {
    const close = button("Close", "sagecell_permalink_close", () => this.hide());
    this.element.replaceChildren(...rows, close);
    this.element.hidden = false;
  }

  #row(name: string, path: string, explanation: string): HTMLElement {
    const row = document.createElement("div");
    row.className = "sagecell_permalink_result";
    const label = document.createElement("label");
    const note = document.createElement("small");
    note.textContent = explanation;
    const field = document.createElement("input");
    field.type = "text";
    field.readOnly = true;
    field.value = this.#options.address(path);
    label.append(name, " ", note, field);
    const said = document.createElement("span");
    said.setAttribute("role", "status");
    const copy = button("Copy", "sagecell_copyButton", () => {
      this.#options.copy(field).then(
        () => (said.textContent = "Copied"),
        () => (said.textContent = "Not copied"),
      );
    });
    copy.setAttribute("aria-label", `Copy ${name.toLowerCase()}`);
    row.append(label, copy, said);
    return row;
  }
}

function words(text: string): HTMLElement {
  const paragraph = document.createElement("p");
  paragraph.textContent = text;
  return paragraph;
}

/** Puts a field's text on the clipboard, also where the page came over plain HTTP. */
export async function copyField(field: HTMLInputElement): Promise<void> {
  if (window.isSecureContext) {
    await navigator.clipboard.writeText(field.value);
  } else {
    field.select();
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- Without TLS nothing else can.
    document.execCommand("copy");
  }
}
