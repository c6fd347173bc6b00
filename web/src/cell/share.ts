/** Permalinks to a program, and the panel that shows them. */

import { button } from "../dom/elements";
import { report } from "../dom/errors";
import { type KeptProgram, Refusal } from "../kernel/server";
import type { Permalink } from "../protocol/answers";

/** Characters of an address at most: the limit of the server and of the proxy recipes. */
export const LONGEST = 65_536;

/** What the panel needs. */
export interface ShareOptions {
  /** Stores a program on the server. Rejects with Refusal. */
  readonly keep: (program: KeptProgram) => Promise<Permalink>;
  /** Keeps a permalink that would expire. Rejects with Refusal. */
  readonly keepPermalink: (id: string) => Promise<Permalink>;
  /** An absolute address for a path on the server. */
  readonly address: (path: string) => string;
  /** Copies the field's text to the clipboard. Rejects when the browser forbids it. */
  readonly copy: (field: HTMLInputElement) => Promise<void>;
  /** The button that shows the panel; the keyboard focus returns to it. */
  readonly opener: HTMLElement;
}

/** The panel with the links; hidden until `show` has them. */
export class Share {
  readonly element = document.createElement("div");
  readonly #options: ShareOptions;

  constructor(options: ShareOptions) {
    this.#options = options;
    this.element.className = "sagecell_permalink";
    this.element.setAttribute("role", "group");
    this.element.setAttribute("aria-label", "Links to this program");
    this.element.hidden = true;
    const { opener } = options;
    opener.setAttribute("aria-expanded", "false");
    for (const place of [this.element, opener]) {
      place.addEventListener("keydown", (event) => {
        if (event.key !== "Escape" || this.element.hidden) return;
        // Otherwise Escape would also leave the full screen.
        event.preventDefault();
        this.hide();
      });
    }
  }

  /**
   * Shows links to `program`, or a sentence about the failure. The promise never rejects.
   *
   * `id` is that of a permalink with the same program, if one is known: its link is shown at once.
   */
  async show(program: KeptProgram, id = ""): Promise<void> {
    try {
      if (id !== "" && (await this.#showKnown(program, id))) return;
      const { query, zip, interacts } = await this.#options.keep(program);
      this.#fill(this.#short(query), this.#longLink(program.language, zip, interacts));
      this.element.querySelector("input")?.select();
    } catch (error) {
      const alert = alertOf(error);
      this.#fill(alert);
      await this.#addLongLink(program, alert);
    }
  }

  /** Shows the links of a permalink, and keeps it on the server; false if it has expired there. */
  async #showKnown(program: KeptProgram, id: string): Promise<boolean> {
    const short = this.#short(id);
    this.#fill(short);
    this.element.querySelector("input")?.select();
    // The panel may be filled anew meanwhile.
    const add = (second: HTMLElement) => {
      if (short.parentElement === this.element) short.after(second);
    };
    try {
      const { zip, interacts } = await this.#options.keepPermalink(id);
      add(this.#longLink(program.language, zip, interacts));
    } catch (error) {
      if (error instanceof Refusal && error.status === 404) return false;
      const alert = alertOf(error);
      add(alert);
      await this.#addLongLink(program, alert);
    }
    return true;
  }

  #short(id: string): HTMLElement {
    const path = `?${new URLSearchParams({ q: id })}`;
    return this.#row("Short link", path, "stored on this server");
  }

  /** Adds, after `alert`, the link that contains the program, which needs no server. */
  async #addLongLink(program: KeptProgram, alert: HTMLElement): Promise<void> {
    const { code, language, interacts } = program;
    try {
      const [zip, state] = await Promise.all([zipped(code), zipped(interacts)]);
      alert.after(this.#longLink(language, zip, state));
    } catch (error) {
      report(error, "compressing a program"); // A browser without CompressionStream.
    }
  }

  #longLink(lang: string, z: string, interacts: string): HTMLElement {
    const link = `?${new URLSearchParams(interacts ? { z, lang, interacts } : { z, lang })}`;
    return this.#options.address(link).length <= LONGEST
      ? this.#row("Long link", link, "contains the whole program")
      : words("The program is too long for a link that contains it.");
  }

  /** Hides the panel; the keyboard focus is then on the button that shows it. */
  hide(): void {
    this.element.hidden = true;
    this.#options.opener.setAttribute("aria-expanded", "false");
    this.#options.opener.focus();
  }

  #fill(...rows: HTMLElement[]): void {
    const close = button("Close", "sagecell_permalink_close", () => this.hide());
    this.element.replaceChildren(...rows, close);
    this.element.hidden = false;
    this.#options.opener.setAttribute("aria-expanded", "true");
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

function alertOf(error: unknown): HTMLElement {
  if (!(error instanceof Refusal)) report(error, "showing links to a program");
  const alert = words(error instanceof Refusal ? error.message : String(error));
  alert.setAttribute("role", "alert");
  return alert;
}

/** A text as links carry it: URL-safe base64 of zlib of UTF-8. */
async function zipped(text: string): Promise<string> {
  const { readable, writable } = new CompressionStream("deflate");
  const writer = writable.getWriter();
  const written = writer.write(new TextEncoder().encode(text)).then(() => writer.close());
  const [buffer] = await Promise.all([new Response(readable).arrayBuffer(), written]);
  const characters = Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte));
  return btoa(characters.join("")).replace(/\+/g, "-").replace(/\//g, "_");
}

function words(text: string): HTMLElement {
  const paragraph = document.createElement("p");
  paragraph.textContent = text;
  return paragraph;
}

/**
 * Copies a field's text to the clipboard, also on pages that came over plain HTTP.
 *
 * Rejects when the browser denies access; over plain HTTP, a failure is not noticed.
 */
export async function copyField(field: HTMLInputElement): Promise<void> {
  if (window.isSecureContext) {
    await navigator.clipboard.writeText(field.value);
  } else {
    field.select();
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- Nothing else works without TLS.
    document.execCommand("copy");
  }
}
