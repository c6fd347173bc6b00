/** All cells of one page, the kernels that they share, and the browser's services for them. */

import { Cell, type KeptPlace } from "./cell/cell";
import { type Clock, browserClock, randomId } from "./dom/clock";
import { Surroundings } from "./dom/scheme";
import { FirmButtons } from "./dom/theme/buttons";
import type { Editor, EditorOptions } from "./editor/editor";
import type { CellForm } from "./cell/form";
import type { MadeCell } from "./cell/handle";
import { KeptPrograms, digest } from "./kept/programs";
import type { OpenChannel } from "./kernel/channel";
import { LinkedCells } from "./linked/losses";
import { Kernel, LEFT } from "./kernel/kernel";
import { Places } from "./kernel/places";
import type { CellPlan } from "./cell/plan";
import { type KernelAddress, Refusal, Server } from "./kernel/server";
import type { QueuePlace } from "./protocol/queue";
import { copyField } from "./cell/share";
import { Terms } from "./cell/terms";
import { Transport } from "./kernel/transport";

/** What `PageCells` needs from the browser and from the server. */
export interface PageOptions {
  readonly server: Server;
  readonly terms: Terms;
  readonly openChannel: OpenChannel;
  readonly clock: Clock;
  /** A fresh random id for a message or a session. */
  readonly newId: () => string;
  /** Loads the editor's chunk. Rejects when that cannot be loaded. */
  readonly loadEditor: () => Promise<(options: EditorOptions) => Editor>;
  /** Copies the field's text to the clipboard. Rejects when the browser forbids it. */
  readonly copy: (field: HTMLInputElement) => Promise<void>;
  /** Calls `act` once, before the browser next paints. */
  readonly nextFrame: (act: () => void) => void;
  /** Where readers' programs are kept for the next visit; without it, nothing is kept. */
  readonly kept?: KeptPrograms;
  /** Adapts cells to what is behind them; without it, the page's `color-scheme` alone counts. */
  readonly surroundings?: Surroundings;
}

/** Makes the cells of one page, and keeps track of their kernels. */
export class PageCells {
  readonly #options: PageOptions;
  readonly #linked = new Map<string, { readonly kernel: Kernel; readonly group: LinkedCells }>();
  /** Kernels that run or are being started. */
  readonly #kernels = new Set<Kernel>();
  /** How many cells have the same key for kept programs. */
  readonly #namesakes = new Map<string, number>();
  readonly #places: Places;

  constructor(options: PageOptions) {
    const { clock, server } = options;
    this.#options = options;
    this.#places = new Places({ clock, most: () => server.kernelsPerPage });
  }

  /** The cells of `window`'s page; `root` is the server's base address. */
  static inBrowser(root: string): PageCells {
    // One session id for all kernels of this page.
    const server = new Server({ fetch, base: root, cellSession: randomId() });
    let editors = Promise.resolve();
    const buttons = new FirmButtons(() => addSheet(`${root}static/embedded_buttons.css`));
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
        // One per task, so that a page with many cells stays responsive meanwhile.
        editors = editors.then(() => new Promise((resolve) => browserClock.after(0, resolve)));
        await editors;
        return createEditor;
      },
      copy: copyField,
      nextFrame: (act) => requestAnimationFrame(act),
      kept: new KeptPrograms(
        () => localStorage,
        () => Date.now(),
      ),
      surroundings: new Surroundings((made, isOtherTheme) => buttons.adapt(made, isOtherTheme)),
    });
    // Also when the page enters the back/forward cache, where its sockets would stay open.
    window.addEventListener("pagehide", () => cells.leave());
    return cells;
  }

  /** Ends all kernels, because the page is being hidden or unloaded. */
  leave(): void {
    this.#places.refuseAll(new Refusal(LEFT));
    for (const kernel of [...this.#kernels]) kernel.leave();
  }

  /** Completes the cell whose form is on the page, as `plan` says. */
  make(plan: CellPlan, form: CellForm): MadeCell {
    const { linkKey } = plan;
    const { kept, surroundings } = this.#options;
    const shared = linkKey === null ? null : this.#sharedBy(linkKey);
    const parts = [plan.input, plan.output];
    const made = new Cell({
      ...this.#options,
      plan,
      form,
      kernel: () => shared?.kernel ?? this.#kernel("0", false),
      group: shared?.group ?? null,
      kept: plan.keep && kept !== undefined ? this.#keptFor(plan, kept) : null,
      onInserted: () => parts.forEach((part) => surroundings?.add(part)),
    });
    // `sagecell.kernels` keeps every session for good; a session must not retain a deleted cell.
    let cell: Cell | null = made;
    return {
      evaluate: () => cell?.evaluate(),
      dispose: () => {
        cell?.dispose();
        cell = null;
        parts.forEach((part) => surroundings?.remove(part));
      },
      focus: () => cell?.focus(),
      get interacts() {
        return cell?.interacts ?? [];
      },
      session: {
        linked: linkKey !== null,
        get code() {
          return cell?.evaluated ?? "";
        },
        get kernel() {
          return cell?.kernel ?? null;
        },
      },
    };
  }

  #keptFor({ code }: CellPlan, programs: KeptPrograms): KeptPlace {
    const address = addressOf();
    return {
      programs,
      key: this.#keyFor(code),
      keyNow: (original) =>
        addressOf() === address ? null : `${digest(addressOf())} ${digest(original)} 0`,
    };
  }

  /** The key for the kept program of a cell: the address, the author's program, its occurrence. */
  #keyFor(code: string): string {
    const key = `${digest(addressOf())} ${digest(code)}`;
    const before = this.#namesakes.get(key) ?? 0;
    this.#namesakes.set(key, before + 1);
    return `${key} ${before}`;
  }

  /** What cells with the same key share. */
  #sharedBy(linkKey: string): { readonly kernel: Kernel; readonly group: LinkedCells } {
    const shared = this.#linked.get(linkKey) ?? {
      kernel: this.#kernel("inf", true),
      group: new LinkedCells(),
    };
    this.#linked.set(linkKey, shared);
    return shared;
  }

  #kernel(timeout: string, isShared: boolean): Kernel {
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
      isShared,
      onUse: () => places.used(kernel),
      onGone: () => {
        this.#kernels.delete(kernel);
        places.free(kernel);
      },
    });
    return kernel;
  }

  /** Requests a kernel, and asks the visitor to accept the terms of use if there are any. */
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

function addSheet(href: string): void {
  document.head.prepend(Object.assign(document.createElement("link"), { rel: "stylesheet", href }));
}

/** The page's own address, without its host and fragment. */
function addressOf(): string {
  return location.pathname + location.search;
}
