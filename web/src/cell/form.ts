/**
 * The part of a cell that is on the page before the rest has been loaded: editor, buttons, status.
 *
 * A button that is pressed before `connect` takes effect then.
 */

import type { Clock } from "../dom/clock";
import { division } from "../dom/elements";
import { FullScreen } from "../dom/fullscreen";
import { language } from "../editor/languages";
import type { State } from "../kernel/execution";
import { CellEditor } from "./celleditor";
import { Commands } from "./commands";
import type { CellPlan } from "./plan";
import { heightOf, outputHeightOf } from "./reserved";
import { StatusLine } from "./status";

/** What the buttons do once the cell is complete. */
export interface FormActions {
  readonly evaluate: () => void;
  readonly stop: () => void;
  readonly share: () => void;
}

/** A cell's editor and buttons, from the parsing of the page to `dispose`. */
export class CellForm {
  readonly input = division("sagecell_input");
  readonly editor: CellEditor;
  readonly commands: Commands;
  readonly status: StatusLine;
  /** Keeps the place of the output free until that is there. */
  readonly #outputPlace = division("sagecell_outputPlace");
  readonly #before: readonly ChildNode[];
  readonly #plan: CellPlan;
  readonly #fullScreen: FullScreen;
  #language: string;
  #actions: FormActions | null = null;
  /** The last button pressed before `connect`. */
  #pressed: "evaluate" | "share" | null = null;
  #isCalledOff = false;

  /** Replaces the content of the plan's input. */
  constructor(plan: CellPlan, clock: Clock) {
    this.#plan = plan;
    this.#language = plan.language;
    this.#before = [...plan.input.childNodes];
    this.status = new StatusLine(clock);
    this.input.setAttribute("role", "group");
    this.input.setAttribute("aria-label", `Cell ${plan.number}`);
    this.editor = new CellEditor({
      number: plan.number,
      kind: plan.editor,
      area: plan.area,
      code: plan.code,
      language: language(plan.language),
      completesWhileTyping: plan.completeWhileTyping,
      onEvaluate: () => this.#press("evaluate"),
    });
    this.#fullScreen = new FullScreen([...new Set([plan.input, plan.output])]);
    this.commands = new Commands({
      plan,
      status: this.status,
      fullScreen: this.#fullScreen,
      onEvaluate: () => this.#press("evaluate"),
      onStop: () => this.#stop(),
      onShare: () => this.#press("share"),
      onLanguage: (name) => this.#speak(name),
    });
    this.input.append(this.editor.element, this.commands.evaluate, this.commands.element);
    if (plan.collapse !== null) fold(this.editor.element, plan.collapse);
    this.editor.element.hidden = plan.hide.has("editor");
    plan.input.classList.add("sagecell");
    plan.output.classList.add("sagecell");
    plan.input.replaceChildren(this.input);
    this.#outputPlace.style.height = outputHeightOf(plan);
    if (plan.autoeval) {
      plan.output.append(this.#outputPlace);
      this.show({ name: "starting" });
    }
  }

  /** The name of the selected language. */
  get language(): string {
    return this.#language;
  }

  /** Whether the evaluation of a cell with `autoeval` was stopped before `connect`. */
  get isCalledOff(): boolean {
    return this.#isCalledOff;
  }

  /** Connects the buttons to the cell, whose output is on the page; a button pressed before takes effect now. */
  connect(actions: FormActions): void {
    this.#outputPlace.remove();
    const pressed = this.#pressed;
    this.#actions = actions;
    this.#pressed = null;
    if (pressed !== null) actions[pressed]();
  }

  /** Hides the form but keeps its height free; `columns` is the number of characters in a line. */
  reserve(columns: number): void {
    this.input.style.visibility = "hidden";
    this.input.style.height = heightOf(this.#plan, columns);
  }

  /** Shows the form, whose style sheet has been loaded. */
  reveal(): void {
    this.input.style.visibility = this.input.style.height = "";
  }

  /** Shows the state of the evaluation. */
  show(state: State): void {
    this.status.show(state);
    this.commands.show(state);
  }

  /** Removes the form from the page. */
  dispose(): void {
    this.status.dispose();
    this.#fullScreen.dispose();
    this.editor.dispose();
    this.#outputPlace.remove();
    this.input.remove();
  }

  /** Restores what the form replaced, because the cell could not be loaded. */
  giveUp(): void {
    this.dispose();
    this.#plan.input.append(...this.#before);
  }

  #press(button: "evaluate" | "share"): void {
    if (this.#actions !== null) {
      this.#actions[button]();
      return;
    }
    this.#pressed = button;
    if (button !== "evaluate") return;
    this.#isCalledOff = false;
    this.show({ name: "starting" });
  }

  #stop(): void {
    if (this.#actions !== null) {
      this.#actions.stop();
      return;
    }
    this.#pressed = null;
    this.#isCalledOff = true;
    this.show({ name: "stopped", seconds: 0 });
  }

  #speak(name: string): void {
    this.#language = name;
    this.editor.setLanguage(language(name));
  }
}

/** Makes the content of an element collapsible. */
function fold(element: HTMLElement, isClosed: boolean): void {
  const details = document.createElement("details");
  details.className = "sagecell_collapse";
  details.open = !isClosed;
  const summary = document.createElement("summary");
  summary.textContent = "Program";
  details.append(summary, ...element.childNodes);
  element.append(details);
}
