/** All cells of one page, the kernels that they share, and the browser around them. */

import { Cell } from "./cell/cell";
import { type Clock, browserClock, randomId } from "./dom/clock";
import type { Editor, EditorOptions } from "./editor/editor";
import type { CellForm } from "./cell/form";
import type { MadeCell } from "./cell/handle";
import type { OpenChannel } from "./kernel/channel";
import { Kernel, LEFT } from "./kernel/kernel";
import { Places } from "./kernel/places";
import type { CellPlan } from "./cell/plan";
import { type KernelAddress, Refusal, Server } from "./kernel/server";
import type { QueuePlace } from "./protocol/queue";
import { copyField } from "./cell/share";
import { Terms } from "./cell/terms";
import { Transport } from "./kernel/transport";

export interface PageOptions {
  readonly server: Server;
  readonly terms: Terms;
  readonly openChannel: OpenChannel;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly loadEditor: () => Promise<(options: EditorOptions) => Editor>;
  readonly copy: (field: HTMLInputElement) => Promise<void>;
  readonly nextFrame: (act: () => void) => void;
}

export class PageCells {
  readonly #options: PageOptions;
  readonly #linked = new Map<string, Kernel>();
  /** Kernels that there are, or will soon be. */
  readonly #kernels = new Set<Kernel>();
  readonly #places: Places;

  constructor(options: PageOptions) {
    const { clock, server } = options;
    this.#options = options;
    this.#places = new Places({ clock, most: () => server.kernelsPerPage });
  }

  /** For the page that this browser shows; `root` is the server's. */
  static inBrowser(root: string): PageCells {
    // One name for all kernels of this page, for as long as it is shown.
    const server = new Server({ fetch, base: root, cellSession: randomId() });
    let editors = Promise.resolve();
    const cells = new PageCells({
      server,
      terms: new Terms({ fetch: () => server.terms(), storage: () => localStorage }),
      openChannel: (address, events) =>
        new Transport({
          address,
          events,
          openSocket: (numbered) => new WebSocket(numbered),
          fetch: (input, init) => fetch(input, init),
          clock: browserClock,
          random: () => Math.random(),
        }),
      clock: browserClock,
      newId: randomId,
      loadEditor: async () => {
        const { createEditor } = await import("./editor/editor");
        // Each in a task of its own: a page with sixty would be deaf while they are made.
        editors = editors.then(() => new Promise((resolve) => browserClock.after(0, resolve)));
        await editors;
        return createEditor;
      },
      copy: copyField,
      nextFrame: (act) => requestAnimationFrame(act),
    });
    // Also for a page that the browser keeps: its sockets would stay open.
    window.addEventListener("pagehide", () => cells.leave());
    return cells;
  }

  /** The page is left: its kernels go. */
  leave(): void {
    this.#places.refuseAll(new Refusal(LEFT));
    for (const kernel of [...this.#kernels]) kernel.leave();
  }

  /** The cell whose form is on the page. */
  make(plan: CellPlan, form: CellForm): MadeCell {
    const { linkKey } = plan;
    const kernel = () => this.#kernelFor(linkKey);
    const made = new Cell({ ...this.#options, plan, form, kernel });
    // `sagecell.kernels` keeps all sessions of a page: one does not keep a cell that has gone.
    let cell: Cell | null = made;
    return {
      evaluate: () => cell?.evaluate(),
      dispose: () => {
        cell?.dispose();
        cell = null;
      },
      focus: () => cell?.focus(),
      get interacts() {
        return cell?.interacts ?? [];
      },
      session: {
        linked: linkKey !== null,
        get kernel() {
          return cell?.kernel ?? null;
        },
      },
    };
  }

  #kernelFor(linkKey: string | null): Kernel {
    if (linkKey === null) return this.#kernel("0");
    const known = this.#linked.get(linkKey) ?? this.#kernel("inf");
    this.#linked.set(linkKey, known);
    return known;
  }

  #kernel(timeout: string): Kernel {
    const { server, openChannel, clock, newId } = this.#options;
    const places = this.#places;
    const kernel: Kernel = new Kernel({
      start: (signal, onQueued) => {
        this.#kernels.add(kernel);
        return places.take(kernel, signal, onQueued, () => this.#ask(timeout, signal, onQueued));
      },
      end: (id) => places.leave(kernel, server.endKernel(id)),
      openChannel,
      clock,
      newId,
      onUse: () => places.used(kernel),
      onGone: () => {
        this.#kernels.delete(kernel);
        places.free(kernel);
      },
    });
    return kernel;
  }

  /** Asks the server for a kernel, and the reader to accept the terms where there are some. */
  async #ask(
    timeout: string,
    signal: AbortSignal,
    onQueued: (place: QueuePlace) => void,
  ): Promise<KernelAddress> {
    const { server, terms } = this.#options;
    const start = () =>
      server.startKernel(signal, onQueued, { timeout, acceptedTerms: terms.areAccepted });
    try {
      return await start();
    } catch (error) {
      if (!(error instanceof Refusal) || error.status !== 403) throw error;
      const areAccepted = await terms.ask();
      if (areAccepted === null) throw error;
      if (!areAccepted) throw new Refusal("The terms of use were not accepted.");
      return start();
    }
  }
}
