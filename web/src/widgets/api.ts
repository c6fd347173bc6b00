/** The interface between a frame and its widgets. */

import type { Showing } from "../output/policy";
import type { MimeBundle } from "../protocol/messages";
import type { WidgetEvent, WidgetOrder } from "../protocol/widgets/orders";

/** The services of a frame for its widgets. */
export interface WidgetHost {
  /** Sends an event to the page. */
  readonly send: (event: WidgetEvent) => void;
  /** How output that a widget captures is shown. */
  readonly showing: () => Showing;
}

/** The widgets of a frame. */
export interface Widgets {
  /** Carries out an order of the page. */
  handle(order: WidgetOrder): void;
  /**
   * Shows the widget of a model in `place`, which is in the document by then; if there is no such model, the
   * picture in `data`, with a sentence.
   */
  show(id: string, place: HTMLElement, data: MimeBundle): void;
  /** Lets go of widgets whose place has left the document. */
  sweep(): void;
}

/** The exports of this folder's module `index`, which is loaded on demand. */
export interface Module {
  createWidgets(host: WidgetHost): Widgets;
}
