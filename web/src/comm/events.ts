/** What the widgets in frames tell the kernel. */

import { guarded, report } from "../dom/errors";
import { type Ask, KernelGone, Refused } from "../protocol/ask";
import { byteLength } from "../protocol/widgets/buffers";
import { TOO_LONG, type WidgetEvent, type WidgetOrder } from "../protocol/widgets/orders";
import { Allowance } from "./allowance";
import type { CommPlace } from "./registry";

/** Bytes in one message to the kernel, below the server's limit of 4 MiB. */
export const MOST_SENT = 3_900_000;

/** Events of one frame that the kernel may have still to handle. */
const MOST_OF_FRAME = { count: 100, bytes: 8_000_000 };

/** The same of all frames: the server takes 1000 requests, and 16 MiB that the kernel has not read. */
const MOST_OF_KERNEL = { count: 500, bytes: 10_000_000 };

const BUSY = "The program was busy: not all that was done here has reached it.";

type Tell = (order: WidgetOrder) => void;

/** The events of all frames of one kernel. */
export class Events {
  readonly request: Ask;
  readonly allowance = new Allowance(MOST_OF_KERNEL);
  /** The place for the output of each event, by message id; the newest last. */
  readonly #places = new Map<string, CommPlace>();

  constructor(request: Ask) {
    this.request = request;
  }

  /** The place for the output of an event, by the id of its message; undefined for other ids. */
  placeOf(id: string): CommPlace | undefined {
    return this.#places.get(id);
  }

  /** Output that belongs to the message `id` is shown at `place`. */
  remember(id: string, place: CommPlace): void {
    this.#places.set(id, place);
    const [oldest = id] = this.#places.keys();
    if (this.#places.size > MOST_OF_KERNEL.count) this.#places.delete(oldest);
  }
}

/** The events of one frame. Each ends once: by an order `done`, or `refused` with a sentence. */
export class FrameEvents {
  readonly #events: Events;
  readonly #tell: Tell;
  readonly #allowance = new Allowance(MOST_OF_FRAME);
  /** The numbers of the events that the kernel handles, by the id of their message. */
  readonly #numbers = new Map<string, number>();

  constructor(events: Events, tell: Tell) {
    this.#events = events;
    this.#tell = tell;
  }

  /** The number of the event that a message from the kernel answers, by its parent; null for none. */
  numberOf(parentId: string): number | null {
    return this.#numbers.get(parentId) ?? null;
  }

  /** Sends an event, whose output is shown at `place`; false if it is refused. */
  send(event: WidgetEvent, place: CommPlace): boolean {
    const bytes = byteLength(event);
    const isSent = bytes <= MOST_SENT && this.#take(bytes);
    if (isSent) void this.#request(event, place, bytes);
    else this.#refuse(event.sent, bytes > MOST_SENT ? TOO_LONG : BUSY);
    return isSent;
  }

  #take(bytes: number): boolean {
    if (!this.#allowance.take(bytes)) return false;
    if (this.#events.allowance.take(bytes)) return true;
    this.#allowance.give(bytes);
    return false;
  }

  async #request(event: WidgetEvent, place: CommPlace, bytes: number): Promise<void> {
    const { sent, id, data, buffers } = event;
    let asked = "";
    const remember = (messageId: string) => {
      asked = messageId;
      this.#numbers.set(asked, sent);
      this.#events.remember(asked, place);
    };
    try {
      await this.#events.request("comm_msg", { comm_id: id, data }, remember, buffers);
      guarded("showing output of a widget", () => place.output.flush());
      this.#tell({ kind: "done", sent });
    } catch (error) {
      if (!(error instanceof KernelGone)) report(error, "sending an event of a widget");
      if (error instanceof Refused) this.#refuse(sent, BUSY);
      else this.#tell({ kind: "done", sent });
    } finally {
      this.#numbers.delete(asked);
      this.#allowance.give(bytes);
      this.#events.allowance.give(bytes);
    }
  }

  #refuse(sent: number, sentence: string): void {
    this.#tell({ kind: "refused", sent, sentence });
  }
}
