/**
 * Whose a kernel's message is: that of the run in turn, of a request, interact or comm, or of an
 * evaluation that is over and whose output is still on the page.
 */

import {
  type ClientMessage,
  type KernelMessage,
  type MessageOf,
  asksForPermalink,
} from "../protocol/messages";
import { type MessageHandler, route } from "../protocol/router";
import type { ChannelEvents } from "./channel";
import { type EvaluationEvents, Evaluations } from "./evaluations";

/** The run whose turn it is. */
export interface Turn {
  /** Null until it has a channel. */
  events: ChannelEvents | null;
  /** Ids of its requests: the run receives the answers to these. */
  readonly requests: Set<string>;
}

/** What may show a display that a program updates. */
export interface DisplayHolder {
  update(message: MessageOf<"update_display_data">): void;
}

/** Passes the messages of one kernel on. */
export class Routing {
  readonly #holders: readonly DisplayHolder[];
  readonly #handlers: readonly MessageHandler[];
  readonly #evaluations = new Evaluations();
  /** The runs that have asked for a permalink, by the id of their request. */
  readonly #permalinks = new Map<string, ChannelEvents>();

  /** `handlers` take messages before runs do, in this order; all `holders` hear of updates. */
  constructor(holders: readonly DisplayHolder[], handlers: readonly MessageHandler[]) {
    this.#holders = holders;
    this.#handlers = handlers;
  }

  /** A run with these events sends a request. */
  sends(message: ClientMessage, turn: Turn, events: ChannelEvents): void {
    turn.requests.add(message.msg_id);
    if (asksForPermalink(message)) this.#permalinks.set(message.msg_id, events);
  }

  /** Calls `events` for what follows the end of the run, until the returned function is called. */
  follow({ requests }: Turn, events: EvaluationEvents): () => void {
    return this.#evaluations.add(requests, events);
  }

  /** Passes a message on while it is the turn of `turn`; null while it is nobody's. */
  receive(message: KernelMessage, turn: Turn | null): void {
    // The display may stand in any interact and any cell.
    if (message.type === "update_display_data") {
      for (const holder of this.#holders) holder.update(message);
    } else if (route(message, this.#handlers)) return;
    if (message.type === "sagecell_permalink") {
      // It may come after the end of its run.
      this.#permalinks.get(message.parentId)?.onMessage(message);
      this.#permalinks.delete(message.parentId);
      return;
    }
    const isTurns = message.parentId === "" || turn?.requests.has(message.parentId);
    if (isTurns) turn?.events?.onMessage(message);
    this.#evaluations.heard(message, isTurns ? turn?.requests : undefined);
  }

  /** The kernel has ended: `why` is the sentence for cells other than that of the run in `turn`. */
  end(why: string, turn: Turn | null): void {
    this.#permalinks.clear();
    this.#evaluations.end(why, turn?.requests);
  }
}
