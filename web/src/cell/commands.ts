/** The bar below a cell's editor: buttons, status line, language menu. */

import { button, division } from "../dom/elements";
import { type State, isLive } from "../kernel/execution";
import type { FullScreen } from "../dom/fullscreen";
import { language } from "../editor/languages";
import type { CellPlan } from "./plan";
import type { StatusLine } from "./status";

/** The bar's parts that have owners elsewhere, and its callbacks: each is called on a click. */
export interface CommandsOptions {
  readonly plan: CellPlan;
  readonly status: StatusLine;
  readonly fullScreen: FullScreen;
  readonly onEvaluate: () => void;
  readonly onStop: () => void;
  readonly onShare: () => void;
  /** Called with the language's name when the visitor has selected one. */
  readonly onLanguage: (name: string) => void;
}

/** The bar of one cell, and the button before it, which pages look for right after the editor. */
export class Commands {
  readonly element = division("sagecell_bar");
  readonly evaluate: HTMLButtonElement;
  readonly share: HTMLButtonElement;
  readonly #stop: HTMLButtonElement;
  readonly #select: HTMLSelectElement;
  readonly #onLanguage: (name: string) => void;
  readonly #spinner = document.createElement("span");

  constructor({ plan, status, fullScreen, ...on }: CommandsOptions) {
    this.evaluate = button(plan.evalButtonText, "sagecell_evalButton", on.onEvaluate);
    this.#stop = button("Stop", "sagecell_stopButton", on.onStop);
    this.#stop.hidden = true;
    this.#spinner.className = "sagecell_spinner";
    this.#spinner.setAttribute("aria-hidden", "true");
    this.#spinner.hidden = true;
    this.share = button("Share", "sagecell_shareButton", on.onShare);
    const select = (this.#select = languageSelect(plan, on.onLanguage));
    this.#onLanguage = on.onLanguage;
    const options = division("sagecell_options", select, fullScreen.button);
    this.evaluate.hidden = plan.hide.has("evalButton");
    this.share.hidden = plan.hide.has("permalink");
    select.hidden = plan.hide.has("language");
    // Without an editor there is nothing to fill the screen with.
    fullScreen.button.hidden = plan.hide.has("fullScreen") || plan.hide.has("editor");
    options.hidden = select.hidden && fullScreen.button.hidden;
    // Without its button, an idle cell shows no status line.
    this.element.classList.toggle("sagecell_bar_quiet", this.evaluate.hidden);
    this.element.append(this.#stop, this.#spinner, status.element, this.share, options);
  }

  /** Selects a language of the menu. */
  select(language: string): void {
    this.#select.value = language;
    this.#onLanguage(language);
  }

  /** Puts the languages that are not among `installed` after the others, in a group of their own. */
  markMissing(installed: readonly string[]): void {
    const select = this.#select;
    const missing = [...select.options].filter(({ value }) => !installed.includes(value));
    if (missing.length === 0) return;
    const { value } = select;
    const group = document.createElement("optgroup");
    group.label = "Not on this server";
    group.append(...missing);
    select.append(group);
    select.value = value; // A selected option that is moved is no longer selected.
  }

  /** Enables and labels the buttons for a state of the execution. */
  show(state: State): void {
    const live = isLive(state);
    const hadFocus = document.activeElement === this.#stop;
    // Not `disabled`, because that would drop the keyboard focus.
    this.evaluate.setAttribute("aria-disabled", String(live));
    this.#stop.hidden = this.#spinner.hidden = !live;
    this.#stop.textContent = state.name === "stopping" ? "Stop now" : "Stop";
    if (!live && hadFocus) this.evaluate.focus();
  }
}

function languageSelect(plan: CellPlan, onLanguage: (name: string) => void): HTMLSelectElement {
  const select = document.createElement("select");
  select.className = "sagecell_language";
  select.setAttribute("aria-label", "Language");
  for (const name of plan.languages) {
    const option = new Option(language(name).name, name, false, name === plan.language);
    select.append(option);
  }
  select.addEventListener("change", () => onLanguage(select.value));
  return select;
}
