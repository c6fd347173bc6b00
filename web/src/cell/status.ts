/** The status line of a cell, which screen readers announce. */

import type { Clock } from "../dom/clock";
import type { State } from "../kernel/execution";
import type { QueuePlace } from "../protocol/queue";

/** The sentence for a state; null is the state before the first evaluation. */
export function describe(state: State | null): string {
  switch (state?.name) {
    case undefined:
      return "Shift-Enter evaluates";
    case "starting":
      return "Starting…";
    case "waiting":
      return `Waiting: ${inLine(state)}`;
    case "away":
      return `${state.message} Trying again…`;
    case "running":
      return "Running…";
    case "reconnecting":
      return "Connection lost. Reconnecting…";
    case "stopping":
      return "Stopping…";
    case "done":
      return `Done in ${duration(state.seconds)}`;
    case "failed":
      return `Ended with ${failure(state)}`;
    case "stopped":
      return `Stopped after ${duration(state.seconds)}`;
    case "ended":
      return `Ended: ${state.message}`;
    case "refused":
      return `Not started: ${state.message}`;
    case "lost":
      return `Connection lost. ${state.message || "The program has ended with it."}`;
  }
}

function failure({ exitStatus, fault, seconds }: State & { readonly name: "failed" }): string {
  const time = duration(seconds);
  if (exitStatus !== null) return `exit status ${exitStatus} after ${time}`;
  return fault === "" ? `an error after ${time}` : `${fault} (after ${time})`;
}

/** Characters of a question. */
const LONGEST_QUESTION = 100;

/** The end of a question, which is what has to be answered. */
function shortened(label: string): string {
  const line = label.slice(label.lastIndexOf("\n") + 1).trim();
  return line.length > LONGEST_QUESTION ? `${line.slice(0, LONGEST_QUESTION)}…` : line;
}

/** "3rd in line, about 12 s"; without the time when the server gave no estimate. */
function inLine({ position, seconds }: QueuePlace): string {
  const place = `${ordinal(position)} in line`;
  return seconds === null ? place : `${place}, about ${duration(seconds).replace(".0", "")}`;
}

/** `position` as an English ordinal: 1st, 2nd, 3rd, 4th ... 11th, 12th, 13th ... 21st. */
export function ordinal(position: number): string {
  const teens = Math.floor(position / 10) % 10 === 1;
  return `${position}${(teens ? undefined : ["th", "st", "nd", "rd"][position % 10]) ?? "th"}`;
}

/** Seconds as text: "0.25 s", "2.5 s", "12 s", "3 min 5 s". */
export function duration(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(seconds < 1 ? 2 : 1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  return `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

/**
 * The status line: the state, a running time in whole seconds, whether an interact has failed, and
 * the server's last warning.
 */
export class StatusLine {
  readonly element = document.createElement("p");
  readonly #words = document.createElement("span");
  // Outside the live region, so that screen readers do not announce each second.
  readonly #seconds = document.createElement("span");
  // A live region of its own, so that a warning does not repeat the state.
  readonly #warning = document.createElement("span");
  readonly #question = document.createElement("span");
  readonly #interact = document.createElement("span");
  readonly #clock: Clock;
  #callOff: () => void = () => undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.element.className = "sagecell_status";
    for (const region of [this.#words, this.#interact, this.#warning, this.#question]) {
      region.setAttribute("role", "status");
      region.setAttribute("aria-live", "polite");
    }
    this.#interact.className = "sagecell_interactFailure";
    this.#warning.className = "sagecell_warning";
    this.#seconds.setAttribute("aria-hidden", "true");
    this.#question.className = "sagecell_asks";
    this.element.append(this.#words, this.#seconds, this.#warning, this.#interact, this.#question);
    this.show(null);
  }

  /** Shows a state; while it is "running", the line also counts the seconds. */
  show(state: State | null): void {
    this.#callOff();
    this.element.dataset["state"] = state?.name ?? "idle";
    this.#words.textContent = describe(state);
    this.#seconds.textContent = "";
    if (state?.name === "running") this.#tick(state.since);
  }

  /** Shows that the program asks something; null when it does no longer. */
  ask(label: string | null): void {
    this.#question.textContent = label === null ? "" : `Asks: ${shortened(label)}`;
  }

  /** Shows whether an interact of the cell has failed. */
  showInteract(hasFailed: boolean): void {
    this.#interact.textContent = hasFailed ? "Its interact failed." : "";
    this.element.classList.toggle("sagecell_interactFailed", hasFailed);
  }

  /** Shows a warning of the server; an empty sentence removes it. */
  warn(sentence: string): void {
    this.#warning.textContent = sentence;
  }

  /** Stops the counting of seconds. */
  dispose(): void {
    this.#callOff();
  }

  #tick(since: number): void {
    const elapsed = Math.floor(this.#clock.now() - since);
    this.#seconds.textContent = elapsed > 0 ? ` ${duration(elapsed).replace(".0", "")}` : "";
    this.#callOff = this.#clock.after(1, () => this.#tick(since));
  }
}
