/**
 * What a page has of a cell at once: its program, its buttons and its status line.
 *
 * The rest of the cell is loaded meanwhile. What is pressed before it has come is done then.
 */

import type { Clock } from "../dom/clock";
import { division } from "../dom/elements";
import { FullScreen } from "../dom/fullscreen";
import { language } from "../editor/languages";
import type { State } from "../kernel/execution";
import { CellEditor } from "./celleditor";
import { Commands } from "./commands";
import type { CellPlan } from "./plan";
import { heightOf } from "./reserved";
import { StatusLine } from "./status";

/** What the buttons do, once the cell is there. */
export interface FormActions {
  readonly evaluate: () => void;
  readonly stop: () => void;
  readonly share: () => void;
}

export class CellForm {
  readonly input = division("sagecell_input");
  readonly editor: CellEditor;
  readonly commands: Commands;
  readonly status: StatusLine;
  readonly #before: readonly ChildNode[];
  readonly #plan: CellPlan;
  #language: string;
  #actions: FormActions | null = null;
  /** What was pressed last before the cell was there. */
  #pressed: "evaluate" | "share" | null = null;

  /** Takes the place of what is in the plan's input. */
  constructor(plan: CellPlan, clock: Clock) {
    this.#plan = plan;
    this.#language = plan.language;
    this.#before = [...plan.input.childNodes];
    this.status = new StatusLine(clock);
    this.editor = new CellEditor({
      kind: plan.editor,
      code: plan.code,
      language: language(plan.language),
      onEvaluate: () => this.#press("evaluate"),
    });
    this.commands = new Commands({
      plan,
      status: this.status,
      fullScreen: new FullScreen(this.input),
      onEvaluate: () => this.#press("evaluate"),
      onStop: () => this.#stop(),
      onShare: () => this.#press("share"),
      onLanguage: (name) => this.#speak(name),
    });
    const parts = [this.editor.element, this.commands.element];
    if (plan.collapse === null) this.input.append(...parts);
    else this.input.append(folded(parts, plan.collapse));
    this.editor.element.hidden = plan.hide.has("editor");
    plan.input.classList.add("sagecell");
    plan.output.classList.add("sagecell");
    plan.input.replaceChildren(this.input);
  }

  /** The language that the program is written in. */
  get language(): string {
    return this.#language;
  }

  /** The cell is there; what was pressed before is done now. */
  connect(actions: FormActions): void {
    const pressed = this.#pressed;
    this.#actions = actions;
    this.#pressed = null;
    if (pressed !== null) actions[pressed]();
  }

  /** Shows nothing yet, and takes the room that it will need; `columns` characters fit into a line. */
  reserve(columns: number): void {
    this.input.style.visibility = "hidden";
    this.input.style.height = heightOf(this.#plan, this.commands.height, columns);
  }

  /** Its style sheet is there. */
  reveal(): void {
    this.input.style.visibility = this.input.style.height = "";
  }

  /** Says what is happening. */
  show(state: State): void {
    this.status.show(state);
    this.commands.show(state);
  }

  /** Takes it off the page. */
  dispose(): void {
    this.status.dispose();
    this.editor.dispose();
    this.input.remove();
  }

  /** There will be no cell: the page has again what it had. */
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
    if (button === "evaluate") this.show({ name: "starting" });
  }

  #stop(): void {
    if (this.#actions !== null) {
      this.#actions.stop();
      return;
    }
    this.#pressed = null;
    this.show({ name: "stopped", seconds: 0 });
  }

  #speak(name: string): void {
    this.#language = name;
    this.editor.setLanguage(language(name));
  }
}

function folded(parts: readonly HTMLElement[], isClosed: boolean): HTMLElement {
  const fold = document.createElement("details");
  fold.className = "sagecell_collapse";
  fold.open = !isClosed;
  const summary = document.createElement("summary");
  summary.textContent = "Program";
  fold.append(summary, ...parts);
  return fold;
}
