/**
 * A field for what a program asks by `input()`: the last line of an output, as in a terminal.
 *
 *     none --> asked --> answered --> none
 *      ^         |           |
 *      +---------+           +--> asked
 *
 * After an answer the field stays for a moment, so that a program that asks again finds the keyboard
 * focus there, and phones do not hide their keyboard in between.
 */

import { button } from "../../dom/elements";
import type { KernelMessage, Question } from "../../protocol/messages";
import { withoutAnsi } from "./ansi";

/** Takes the reader's answers. */
export interface Answering {
  /** Sends an answer to the program. */
  readonly answer: (text: string) => void;
  /** The message that shows text as the program's own. */
  readonly echo: (text: string) => KernelMessage;
  /** The element of the cell that has the keyboard focus; null if it is elsewhere. */
  readonly focused: () => HTMLElement | null;
  /** Called with what the program asks when that is shown, and with null when it is gone. */
  readonly onAsked: (label: string | null) => void;
  /** Calls `act` later, unless the returned function is called. */
  readonly after: (seconds: number, act: () => void) => () => void;
}

/** What a field needs. */
export interface QuestionOptions extends Omit<Answering, "echo"> {
  /** Appends text to the output. */
  readonly echo: (text: string) => void;
  readonly nextFrame: (act: () => void) => void;
}

/** The label of a question without a prompt. */
const UNNAMED = "The program waits for a line of text";

/** Characters of a prompt in the label; the output has all of it afterwards. */
const LONGEST_LABEL = 2000;

/** Seconds for which the field stays after an answer. */
const PAUSE = 1;

type State = "none" | "asked" | "answered";

/** The field, which is hidden while nothing is asked. */
export class QuestionForm {
  readonly element = document.createElement("form");
  readonly #options: QuestionOptions;
  readonly #label = document.createElement("label");
  readonly #field = document.createElement("input");
  #state: State = "none";
  #question: Question = { prompt: "", isSecret: false };
  #isScheduled = false;
  /** The element that had the keyboard focus before the field. */
  #before: HTMLElement | null = null;
  #callOff: () => void = () => undefined;

  constructor(options: QuestionOptions) {
    this.#options = options;
    this.element.className = "sagecell_question";
    this.element.hidden = true;
    const text = document.createElement("span");
    text.className = "sagecell_prompt";
    this.#field.className = "sagecell_answer";
    this.#field.autocapitalize = "off";
    this.#field.spellcheck = false;
    this.#field.enterKeyHint = "send";
    this.#field.setAttribute("autocorrect", "off");
    this.#label.append(text, this.#field);
    const send = button("Send", "sagecell_sendAnswer", () => this.#answer());
    this.element.append(this.#label, send);
    this.element.addEventListener("submit", (event) => event.preventDefault());
    this.element.addEventListener("keydown", (event) => {
      // Not by submission, which forms of pages around may handle; Enter may end a composition.
      if (event.key !== "Enter" || event.isComposing || event.target !== this.#field) return;
      event.preventDefault();
      this.#answer();
    });
  }

  /** Asks in the next frame; an earlier question remains without an answer. */
  ask(question: Question): void {
    if (this.#state === "asked") this.#options.echo(`${this.#question.prompt}\n`);
    this.#callOff();
    this.#state = "asked";
    this.#question = question;
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#options.nextFrame(() => {
      this.#isScheduled = false;
      if (this.#state === "asked") this.#show();
    });
  }

  /** Nobody waits for the answer any more: the prompt becomes a part of the output. */
  end(): void {
    if (this.#state === "asked") this.#options.echo(`${this.#question.prompt}\n`);
    this.drop();
  }

  /** Removes the question. */
  drop(): void {
    if (this.#state === "none") return;
    this.#callOff();
    this.#state = "none";
    if (this.element.hidden) return;
    const hasFocus = this.#hasFocus;
    this.element.hidden = true;
    this.#field.value = "";
    this.#options.onAsked(null);
    if (hasFocus && this.#before?.isConnected) this.#before.focus({ preventScroll: true });
    this.#before = null;
  }

  get #hasFocus(): boolean {
    const focused = this.#options.focused();
    return focused !== null && this.element.contains(focused);
  }

  #show(): void {
    const { prompt, isSecret } = this.#question;
    const text = withoutAnsi(prompt.slice(0, LONGEST_LABEL)).trimEnd() || UNNAMED;
    const label = prompt.length > LONGEST_LABEL ? `${text}…` : text;
    const shown = this.#label.firstElementChild;
    if (shown !== null) shown.textContent = label;
    this.#field.type = isSecret ? "password" : "text";
    // A browser must not fill in a password that the reader keeps for this site.
    this.#field.autocomplete = isSecret ? "new-password" : "off";
    this.#field.readOnly = false;
    this.element.hidden = false;
    this.#options.onAsked(label);
    const focused = this.#options.focused();
    if (focused === null || this.element.contains(focused)) return;
    this.#before = focused;
    this.#field.focus();
  }

  #answer(): void {
    if (this.#state !== "asked") return;
    const { prompt, isSecret } = this.#question;
    const { value } = this.#field;
    this.#state = "answered";
    this.#field.value = "";
    this.#field.readOnly = true;
    this.#options.echo(`${prompt}${isSecret ? "" : value}\n`);
    this.#options.answer(value);
    this.#callOff = this.#options.after(PAUSE, () => this.drop());
  }
}
