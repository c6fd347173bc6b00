/**
 * Jupyter's comms that a kernel's programs have opened.
 *
 * Source: https://jupyter-client.readthedocs.io/en/stable/messaging.html#custom-messages
 */

import { division, note } from "../dom/elements";
import { guarded, report } from "../dom/errors";
import { Pending } from "../dom/pending";
import type { OutputSink } from "../output/output";
import type { Showing } from "../output/policy";
import { type Ask, Refused } from "../protocol/ask";
import type { Json, JsonObject, KernelMessage, MessageOf, MimeBundle } from "../protocol/messages";
import type { MessageHandler } from "../protocol/router";
import type { CommView, Comms as Module } from "./api";
import { commCloser } from "./closing";

/** The cell in which a comm was opened, as the comm sees it. */
export interface CommPlace {
  readonly showing: Showing;
  /** Shows the output that the kernel produces in response to the comm's events. */
  readonly output: OutputSink;
}

/** What the registry needs. */
export interface CommsOptions {
  readonly request: Ask;
  /** Loads the module with the views; by default `./index`. Tests replace it. */
  readonly load?: () => Promise<Module>;
}

/** The targets that pages show. */
const TARGETS: ReadonlySet<string> = new Set(["threejs", "graphicswidget", "matplotlib"]);

/** The MIME type of a display that stands for a comm; its value is the comm's id. Internal. */
const SHOWN = "application/x-comm";

/** Comms that may be on the page at once; further ones are closed. */
const MOST = 100;

/** Events for whose output the place is remembered. */
const REMEMBERED = 100;

/** The comms of one kernel: routes messages to their views, and the views' events to the kernel. */
export class Comms implements MessageHandler {
  readonly #request: Ask;
  readonly #close: (id: string) => void;
  readonly #load: () => Promise<Module>;
  /** Comms that are on the page, open or closed, by id. */
  readonly #comms = new Map<string, Comm>();
  /** The place for the output of each event, by message id; the newest last. */
  readonly #asked = new Map<string, CommPlace>();

  constructor({ request, load = () => import("./index") }: CommsOptions) {
    this.#request = request;
    this.#close = commCloser(request);
    this.#load = load;
  }

  /** Whether no comm is on the page. */
  get isEmpty(): boolean {
    return this.#comms.size === 0;
  }

  /**
   * Opens the comm that a comm_open announces: a display message that shows it at `place`.
   *
   * Null for other messages, and for comms that are known, unsupported or too many; the last two
   * are closed.
   */
  open(message: KernelMessage, place: CommPlace): MessageOf<"display_data"> | null {
    if (message.type !== "comm_open") return null;
    const { id, target, data } = message.content;
    if (id === "" || this.#comms.has(id)) return null;
    if (!TARGETS.has(target) || this.#comms.size >= MOST) {
      this.#close(id);
      return null;
    }
    const comm = new Comm({
      place,
      send: (data) => this.#send(id, place, data),
      load: this.#load,
      target,
      data,
    });
    this.#comms.set(id, comm);
    const bundle = { [SHOWN]: id, "text/plain": target };
    const content = { data: bundle, metadata: {}, displayId: "" };
    return { ...message, type: "display_data", content };
  }

  /** The element of the comm that a display stands for; null for other displays. */
  element(data: MimeBundle): HTMLElement | null {
    const id = Object.hasOwn(data, SHOWN) ? data[SHOWN] : undefined;
    return typeof id === "string" ? (this.#comms.get(id)?.element ?? null) : null;
  }

  /** Takes messages of comms and output of their events; false for all others. */
  handle(message: KernelMessage): boolean {
    switch (message.type) {
      case "comm_msg":
        this.#comms.get(message.content.id)?.handle(message.content.data);
        return true;
      case "comm_close":
        this.#comms.get(message.content.id)?.end();
        return true;
      default: {
        const place = this.#asked.get(message.parentId);
        place?.output.append(message);
        return place !== undefined;
      }
    }
  }

  /** Called when the kernel is idle, so that the files that it wrote are on the server. */
  flush(): void {
    for (const comm of this.#comms.values()) comm.flush();
  }

  /** Called when output has been drawn and its scripts have run. */
  drawn(): void {
    for (const comm of this.#comms.values()) comm.drawn();
  }

  /** Called when the kernel has ended. The views stay on the page. */
  end(): void {
    for (const comm of this.#comms.values()) comm.end();
    this.#asked.clear();
  }

  /** Closes the comms of a cell whose output is replaced or removed. */
  removeFrom(place: CommPlace): void {
    for (const [id, comm] of this.#comms) {
      if (comm.place !== place) continue;
      comm.end();
      this.#comms.delete(id);
      this.#close(id);
    }
  }

  async #send(id: string, place: CommPlace, data: JsonObject | string): Promise<void> {
    const remember = (asked: string) => {
      this.#asked.set(asked, place);
      const [oldest = asked] = this.#asked.keys();
      if (this.#asked.size > REMEMBERED) this.#asked.delete(oldest);
    };
    try {
      await this.#request("comm_msg", { comm_id: id, data }, remember);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      report(error, "sending an event of a comm"); // The refusal itself stands in the output.
    }
    place.output.flush();
  }
}

interface CommOptions {
  readonly place: CommPlace;
  readonly send: (data: JsonObject | string) => Promise<void>;
  readonly load: () => Promise<Module>;
  readonly target: string;
  readonly data: JsonObject;
}

/** One comm, whose messages wait until its view has been loaded. */
class Comm {
  readonly element = division("sagecell_comm");
  readonly place: CommPlace;
  readonly #view = new Pending<CommView>("passing a message to a comm's view");

  constructor({ place, send, load, target, data }: CommOptions) {
    this.place = place;
    const { fileAddress, byPage } = place.showing;
    load().then(
      (module) => {
        const view = guarded(`showing ${target}`, () =>
          module.createView(target, data, { send, fileAddress, byPage }),
        );
        if (view === undefined) {
          this.#fail("This interactive output could not be shown.");
          return;
        }
        this.element.append(view.element);
        this.#view.resolve(view);
      },
      (error: unknown) => {
        report(error, `loading ${target}`);
        this.#fail("This interactive output could not be loaded. Reload the page.");
      },
    );
  }

  handle(data: Json): void {
    this.#view.with((view) => view.handle(data));
  }

  flush(): void {
    this.#view.with((view) => view.flush());
  }

  drawn(): void {
    // A view that is created later finds the output drawn.
    if (this.#view.value !== null) this.#view.with((view) => view.drawn());
  }

  end(): void {
    this.#view.with((view) => view.end());
  }

  #fail(sentence: string): void {
    this.#view.fail();
    this.element.append(note(sentence));
  }
}
