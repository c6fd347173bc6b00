/** Widgets in a frame, whose code is loaded for the first one. */

import { division, note } from "../dom/elements";
import { report } from "../dom/errors";
import { Pending } from "../dom/pending";
import type { MimeBundle } from "../protocol/messages";
import { type WidgetOrder, widgetIn } from "../protocol/widgets/orders";
import type { Module, WidgetHost, Widgets } from "./api";

/** What lazy widgets need. */
export interface LazyOptions extends WidgetHost {
  /** Asks the page for the models; called once. */
  readonly connect: () => void;
  /** Loads the widgets' code; by default `./index`. Tests replace it. */
  readonly load?: () => Promise<Module>;
}

const FAILED = "This widget could not be loaded. Reload the page.";

/** Shows widgets as soon as their code and models are there. */
export class LazyWidgets {
  readonly #options: LazyOptions;
  #widgets: Pending<Widgets> | null = null;
  /** Places that wait for the code. */
  readonly #places = new Set<HTMLElement>();
  #hasFailed = false;

  constructor(options: LazyOptions) {
    this.#options = options;
  }

  /** The element of the widget that a display shows; null for other displays. */
  element(data: MimeBundle): HTMLElement | null {
    const id = widgetIn(data);
    if (id === "") return null;
    const place = division("sagecell_widget");
    this.#widgets ??= this.#load();
    if (this.#hasFailed) place.append(note(FAILED));
    else {
      this.#places.add(place);
      this.#widgets.with((widgets) => {
        this.#places.delete(place);
        // It is put into the document after this.
        queueMicrotask(() => widgets.show(id, place, data));
      });
    }
    return place;
  }

  /** Carries out an order of the page. */
  handle(order: WidgetOrder): void {
    this.#widgets?.with((widgets) => widgets.handle(order));
  }

  /** Called when output has been removed. */
  sweep(): void {
    if (this.#widgets?.value) this.#widgets.with((widgets) => widgets.sweep());
  }

  #load(): Pending<Widgets> {
    const { connect } = this.#options;
    const load = this.#options.load ?? (() => import("./index"));
    const widgets = new Pending<Widgets>("showing a widget");
    load().then(
      (module) => widgets.resolve(module.createWidgets(this.#options)),
      (error: unknown) => {
        report(error, "loading widgets");
        this.#hasFailed = true;
        widgets.fail();
        for (const place of this.#places) place.append(note(FAILED));
        this.#places.clear();
      },
    );
    connect();
    return widgets;
  }
}
