/** What a kernel's programs open on the page, and go on talking with: Jupyter's comms. */

import { division, note } from "../dom/elements";
import { guarded, report } from "../dom/errors";
import { Pending } from "../dom/pending";
import type { OutputSink } from "../output/output";
import type { Showing } from "../output/policy";
import type { Ask } from "../protocol/ask";
import type { Json, JsonObject, KernelMessage, MessageOf, MimeBundle } from "../protocol/messages";
import type { MessageHandler } from "../protocol/router";
import type { CommView, Comms as Module } from "./api";

/** What a comm needs of the cell in which it was opened. */
export interface CommPlace {
  readonly showing: Showing;
  /** Where what the kernel says in answer to the comm's events goes. */
  readonly output: OutputSink;
}

export interface CommsOptions {
  readonly request: Ask;
  /** The views' module; a seam for tests. */
  readonly load?: () => Promise<Module>;
}

/** What pages show. */
const TARGETS: ReadonlySet<string> = new Set(["threejs", "graphicswidget", "matplotlib"]);

/** The type by which a comm is shown where it was opened, by its id; it never leaves the page. */
const SHOWN = "application/x-comm";

/** Comms that a kernel's cells may have opened in their last runs. */
const MOST = 100;

/** Events whose late output would still be known. */
const REMEMBERED = 100;

export class Comms implements MessageHandler {
  readonly #request: Ask;
  readonly #load: () => Promise<Module>;
  /** Those that are on the page, be they open or not. */
  readonly #comms = new Map<string, Comm>();
  /** Where the answers to events belong, the newest last. */
  readonly #asked = new Map<string, CommPlace>();

  constructor({ request, load = () => import("./index") }: CommsOptions) {
    this.#request = request;
    this.#load = load;
  }

  /** Whether there are none on the page. */
  get isEmpty(): boolean {
    return this.#comms.size === 0;
  }

  /** The display in whose place a comm is shown; null when the message opens none. */
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

  /** The element of a comm; null when the bundle is none. */
  element(data: MimeBundle): HTMLElement | null {
    const id = Object.hasOwn(data, SHOWN) ? data[SHOWN] : undefined;
    return typeof id === "string" ? (this.#comms.get(id)?.element ?? null) : null;
  }

  /** Whether the message is a comm's, or answers one; of those that are gone, it is nobody's. */
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

  /** The kernel is idle: files that it made have arrived. */
  flush(): void {
    for (const comm of this.#comms.values()) comm.flush();
  }

  /** What cells said is on the page, and its scripts have run. */
  drawn(): void {
    for (const comm of this.#comms.values()) comm.drawn();
  }

  /** The kernel is gone. */
  end(): void {
    for (const comm of this.#comms.values()) comm.end();
    this.#asked.clear();
  }

  /** The cell at `place` shows something else now. */
  removeFrom(place: CommPlace): void {
    for (const [id, comm] of this.#comms) {
      if (comm.place !== place) continue;
      comm.end();
      this.#comms.delete(id);
      this.#close(id);
    }
  }

  #close(id: string): void {
    // A kernel that is gone has nothing to close.
    this.#request("comm_close", { comm_id: id, data: {} }).catch(() => undefined);
  }

  async #send(id: string, place: CommPlace, data: JsonObject | string): Promise<void> {
    await this.#request("comm_msg", { comm_id: id, data }, (asked) => {
      this.#asked.set(asked, place);
      const [oldest = asked] = this.#asked.keys();
      if (this.#asked.size > REMEMBERED) this.#asked.delete(oldest);
    });
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

/** One comm, from its opening to its end; its view is loaded meanwhile. */
class Comm {
  readonly element = division("sagecell_comm");
  readonly place: CommPlace;
  readonly #view = new Pending<CommView>("telling what a program opened");

  constructor({ place, send, load, target, data }: CommOptions) {
    this.place = place;
    const { fileAddress, byPage } = place.showing;
    load().then(
      (module) => {
        const view = guarded(`showing ${target}`, () =>
          module.createView(target, data, { send, fileAddress, byPage }),
        );
        if (view === undefined) {
          this.#fail("What the program opened could not be shown.");
          return;
        }
        this.element.append(view.element);
        this.#view.resolve(view);
      },
      (error: unknown) => {
        report(error, `loading ${target}`);
        this.#fail("What the program opened could not be loaded.");
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
    // One that comes later finds all of it there.
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
