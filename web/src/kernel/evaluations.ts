/**
 * The evaluations on one kernel whose output is on the page, also those that are over.
 *
 * A program goes on after its end in threads, tasks and child processes, and one cell's program may
 * update displays of another. What the run in turn receives, its Execution handles.
 */

import { guarded } from "../dom/errors";
import { type KernelMessage, isOutput } from "../protocol/messages";

/** What an evaluation is told after its end, and during the programs of other cells. */
export interface EvaluationEvents {
  /** Called with later output of its program, and with updates of displays, which others may own. */
  readonly onOutput: (message: KernelMessage, isOwn: boolean) => void;
  /** Called with the server's warning that the kernel will end soon; empty when it is withdrawn. */
  readonly onWarning: (sentence: string) => void;
  /** Called once, as the last callback, when the kernel has ended, with a sentence that says why. */
  readonly onEnd: (sentence: string) => void;
}

/** The evaluations of one kernel, each by the set of its requests' ids. */
export class Evaluations {
  readonly #events = new Map<ReadonlySet<string>, EvaluationEvents>();
  #warnedOf = "";

  /** Tells `events` of what follows `requests`, until the returned function is called. */
  add(requests: ReadonlySet<string>, events: EvaluationEvents): () => void {
    this.#events.set(requests, events);
    return () => this.#events.delete(requests);
  }

  /** Passes a message on to all that it concerns, except to the run that has received it. */
  heard(message: KernelMessage, receiver: ReadonlySet<string> | undefined): void {
    if (message.type === "sagecell_warning") {
      this.#warn(message.content.reason, message.content.message, receiver);
    } else if (message.type === "status" && message.content.state === "busy") {
      // Work cancels the idle warning, not the lifetime one.
      if (this.#warnedOf === "idle") this.#warn("", "", receiver);
    } else if (isOutput(message)) {
      this.#each(receiver, ({ onOutput }, requests) => {
        const isOwn = requests.has(message.parentId);
        if (isOwn || message.type === "update_display_data") onOutput(message, isOwn);
      });
    }
  }

  /** The kernel has ended: tells all but the run that has received it, and forgets all. */
  end(sentence: string, receiver: ReadonlySet<string> | undefined): void {
    const events = new Map(this.#events);
    this.#events.clear();
    this.#warnedOf = "";
    for (const [requests, { onEnd }] of events) {
      if (requests !== receiver) guarded("showing the end of a kernel", () => onEnd(sentence));
    }
  }

  #warn(reason: string, sentence: string, receiver: ReadonlySet<string> | undefined): void {
    this.#warnedOf = reason;
    this.#each(receiver, ({ onWarning }) => onWarning(sentence));
  }

  #each(
    receiver: ReadonlySet<string> | undefined,
    act: (events: EvaluationEvents, requests: ReadonlySet<string>) => void,
  ): void {
    for (const [requests, events] of this.#events) {
      if (requests !== receiver) guarded("showing late output", () => act(events, requests));
    }
  }
}
