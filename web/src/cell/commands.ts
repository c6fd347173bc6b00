/** The bar below a cell's editor: evaluate, stop, what is happening, the language, and more. */

import { button, division } from "../dom/elements";
import { type State, isLive } from "../kernel/execution";
import type { FullScreen } from "../dom/fullscreen";
import { language } from "../editor/languages";
import type { CellPlan } from "./plan";
import type { StatusLine } from "./status";

export interface CommandsOptions {
  readonly plan: CellPlan;
  readonly status: StatusLine;
  readonly fullScreen: FullScreen;
  readonly onEvaluate: () => void;
  readonly onStop: () => void;
  readonly onShare: () => void;
  readonly onLanguage: (name: string) => void;
}

export class Commands {
  readonly element = division("sagecell_bar");
  readonly evaluate: HTMLButtonElement;
  /** With what is above it, in ems of the cell's text, as long as nothing happens: see cell.css. */
  readonly height: number;
  readonly #stop: HTMLButtonElement;
  readonly #spinner = document.createElement("span");

  constructor({ plan, status, fullScreen, ...on }: CommandsOptions) {
    this.evaluate = button(plan.evalButtonText, "sagecell_evalButton", on.onEvaluate);
    this.#stop = button("Stop", "sagecell_stopButton", on.onStop);
    this.#stop.hidden = true;
    this.#spinner.className = "sagecell_spinner";
    this.#spinner.setAttribute("aria-hidden", "true");
    this.#spinner.hidden = true;
    const share = button("Share", "sagecell_shareButton", on.onShare);
    const select = languageSelect(plan, on.onLanguage);
    const options = division("sagecell_options", select, fullScreen.button);
    this.evaluate.hidden = plan.hide.has("evalButton");
    share.hidden = plan.hide.has("permalink");
    select.hidden = plan.hide.has("language");
    // Without an editor there is nothing that would fill the screen.
    fullScreen.button.hidden = plan.hide.has("fullScreen") || plan.hide.has("editor");
    options.hidden = select.hidden && fullScreen.button.hidden;
    const others = share.hidden && options.hidden ? 0 : 2.75;
    this.height = this.evaluate.hidden ? others : 3;
    // Without its button, a cell that has nothing to tell says nothing.
    this.element.classList.toggle("sagecell_bar_quiet", this.evaluate.hidden);
    this.element.append(this.evaluate, this.#stop, this.#spinner, status.element, share, options);
  }

  show(state: State): void {
    const live = isLive(state);
    const hadFocus = document.activeElement === this.#stop;
    // Not `disabled`: that would take the keyboard's focus away from the button.
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
