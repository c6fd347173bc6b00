/** The widgets of one frame: their models, which follow those in the kernel, and their views. */

import * as base from "@jupyter-widgets/base";
import * as controls from "@jupyter-widgets/controls";
import { HTMLManager } from "@jupyter-widgets/html-manager/lib/htmlmanager";
import { MessageLoop } from "@lumino/messaging";
import { Widget } from "@lumino/widgets";

import { note } from "../dom/elements";
import { report } from "../dom/errors";
import { typesetText } from "../output/math/typeset";
import { renderBundle } from "../output/mime";
import type { Showing } from "../output/policy";
import type { MimeBundle } from "../protocol/messages";
import type { WidgetOrder } from "../protocol/widgets/orders";
import type { WidgetHost, Widgets } from "./api";
import { Events, FrameComm, commMessage } from "./comm";
import { keepNamed } from "./names";
import * as output from "./output";

/** The modules whose classes programs may name. */
const MODULES = new Map<string, object>([
  ["@jupyter-widgets/base", base],
  ["@jupyter-widgets/controls", controls],
  ["@jupyter-widgets/output", output],
]);

/** The module that is loaded for its first model. */
const FIGURES = "jupyter-matplotlib";

/** What a figure is displayed as beside its widget. */
const PICTURE = "image/png";

const ENDED = "The program of these controls has ended. Evaluate the cell again to use them.";
const GONE = "The program of this widget has closed it, or has ended.";

const ENDLESS = "The program has put this widget within itself.";

/** A widget on the page. */
interface Shown {
  readonly place: HTMLElement;
  readonly id: string;
  /** Ends what keeps its controls named. */
  readonly endNames: () => void;
  view: base.DOMWidgetView | null;
}

/** Creates models and views, and connects them with the page. */
export class FrameManager extends HTMLManager implements Widgets {
  /** Where descriptions and texts look for what typesets their formulas. */
  readonly _rendermime = { latexTypesetter: { typeset: typesetText } };
  readonly #host: WidgetHost;
  readonly #events: Events;
  readonly #comms = new Map<string, FrameComm>();
  readonly #shown = new Set<Shown>();
  /** The libraries of widgets that cannot be shown, by model. */
  readonly #foreign = new Map<string, string>();
  /** The models of the events that the kernel has not handled. */
  readonly #senders = new Map<number, string>();
  /** Fulfilled when the models are there. */
  readonly #isComplete: Promise<void>;
  #complete: () => void = () => undefined;
  #isOver = false;

  constructor(host: WidgetHost) {
    super();
    this.#host = host;
    this.#isComplete = new Promise((resolve) => (this.#complete = resolve));
    this.#events = new Events((event) => {
      this.#senders.set(event.sent, event.id);
      host.send(event);
    });
  }

  /** How captured output is shown. */
  showing(): Showing {
    return this.#host.showing();
  }

  handle(order: WidgetOrder): void {
    switch (order.kind) {
      case "open":
        this.#open(order);
        break;
      case "complete":
        this.#complete();
        break;
      case "message": {
        const parent = order.answers === null ? "" : String(order.answers);
        this.#comms.get(order.id)?.heard(order.data, order.buffers, parent);
        break;
      }
      case "close":
        this.#comms.get(order.id)?.closed();
        this.#comms.delete(order.id);
        if (order.sentence !== "") this.#say(order.sentence, order.id);
        break;
      case "output":
        for (const id of order.ids) this.#withOutput(id, (model) => model.capture(order.output));
        break;
      case "clear":
        this.#withOutput(order.id, (model) => model.clearOutput(order.wait));
        break;
      case "done":
        this.#senders.delete(order.sent);
        this.#events.done(order.sent);
        break;
      case "refused":
        this.#refused(order.sent, order.sentence);
        break;
      case "end":
        this.#end();
        break;
    }
  }

  show(id: string, place: HTMLElement, data: MimeBundle): void {
    const shown: Shown = { place, id, endNames: keepNamed(place), view: null };
    this.#shown.add(shown);
    this.#view(shown, data).catch((error: unknown) => {
      report(error, "showing a widget");
      place.append(note("This widget could not be shown."));
    });
  }

  sweep(): void {
    for (const shown of this.#shown) {
      if (shown.place.isConnected) continue;
      this.#shown.delete(shown);
      shown.endNames();
      if (shown.view !== null) detached(shown.view);
    }
  }

  /** A view of a model, or a sentence within a view of the same one, where there would be no end. */
  override create_view(
    model: base.DOMWidgetModel,
    options: { readonly parent?: base.WidgetView } = {},
  ): Promise<never> {
    if (!isWithin(model, options.parent)) return super.create_view(model, options) as never;
    const view = new base.DOMWidgetView({ model, options: this.setViewOptions(options) });
    view.el.append(note(ENDLESS));
    return Promise.resolve(view as never);
  }

  /** The class of a model or view; rejects for those of other libraries. */
  protected override async loadClass(name: string, module: string): Promise<never> {
    const classes: unknown =
      module === FIGURES ? await import("./matplotlib") : MODULES.get(module);
    const found = (classes as Record<string, unknown> | undefined)?.[name];
    if (found === undefined) throw new Error(`This page has no widgets of ${module}.`);
    return found as never;
  }

  #open(order: Extract<WidgetOrder, { kind: "open" }>): void {
    const { id, state, bufferPaths, buffers, version } = order;
    const module = state["_view_module"] ?? state["_model_module"];
    const isForeign = typeof module === "string" && !MODULES.has(module) && module !== FIGURES;
    if (isForeign) this.#foreign.set(id, module);
    const comm = new FrameComm(id, this.#events);
    this.#comms.set(id, comm);
    const data = { state, buffer_paths: [...bufferPaths] };
    const message = commMessage(id, data, buffers, version);
    this.handle_comm_open(comm, message as never).catch((error: unknown) =>
      report(error, "opening a widget"),
    );
  }

  async #view(shown: Shown, data: MimeBundle): Promise<void> {
    const { id, place } = shown;
    await this.#isComplete;
    const foreign = this.#foreign.get(id);
    if (foreign !== undefined) {
      place.append(note(`This page has no widgets of ${foreign}.`));
      return;
    }
    if (!this.has_model(id)) {
      const { [PICTURE]: picture } = data;
      if (picture !== undefined) {
        place.append(renderBundle({ [PICTURE]: picture }, {}, this.showing()));
      }
      place.append(note(GONE));
      return;
    }
    // The models of displays are those of elements.
    const model: unknown = await this.get_model(id);
    const view = await this.create_view(model as base.DOMWidgetModel);
    if (!place.isConnected) {
      detached(view);
      return;
    }
    shown.view = view;
    await this.display_view(view, place);
    if (this.#isOver) markEnded(place);
  }

  #withOutput(id: string, act: (model: output.OutputModel) => void): void {
    if (!this.has_model(id)) return;
    this.get_model(id)
      .then((model) => {
        // After the changes that are on their way, and before later ones.
        model.state_change = model.state_change.then(() => {
          if (model instanceof output.OutputModel) act(model);
        });
        return model.state_change;
      })
      .catch((error: unknown) => report(error, "showing captured output"));
  }

  #refused(sent: number, sentence: string): void {
    const id = this.#senders.get(sent);
    this.#senders.delete(sent);
    this.#events.done(sent);
    this.#say(sentence, id);
  }

  /** Shows a sentence about a model, once, where its widget is. */
  #say(sentence: string, id: string | undefined): void {
    const shown = [...this.#shown];
    const places = shown.filter((each) => each.id === id);
    // It may be a part of what is shown.
    for (const { place } of places.length > 0 ? places : shown.slice(-1)) {
      const isSaid = [...place.children].some((child) => child.textContent === sentence);
      if (!isSaid) place.append(note(sentence));
    }
  }

  #end(): void {
    this.#isOver = true;
    this.#events.end();
    for (const { place } of this.#shown) markEnded(place);
  }
}

/** Whether a view is one of the model, or within one. */
function isWithin(model: base.WidgetModel, view: base.WidgetView | undefined): boolean {
  let each = view;
  while (each !== undefined && each.model !== model) {
    each = (each.options as { readonly parent?: base.WidgetView }).parent;
  }
  return each !== undefined;
}

/** Removes a view whose element has left the document: Lumino would not, unless it knows that. */
function detached(view: base.DOMWidgetView): void {
  const { luminoWidget } = view;
  if (luminoWidget.isAttached && !luminoWidget.node.isConnected) {
    MessageLoop.sendMessage(luminoWidget, Widget.Msg.BeforeDetach);
    MessageLoop.sendMessage(luminoWidget, Widget.Msg.AfterDetach);
  }
  view.remove();
}

/** Says that controls have ended; they stay as they are, and take no more input. */
function markEnded(place: HTMLElement): void {
  if (place.classList.contains("sagecell_widgetEnded")) return;
  place.classList.add("sagecell_widgetEnded");
  place.setAttribute("aria-disabled", "true");
  for (const child of place.children) child.setAttribute("inert", "");
  place.append(note(ENDED));
}
