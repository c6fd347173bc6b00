/** The link between the widgets in a frame and their models in the kernel; types alone. */

import type { WidgetEvent, WidgetOrder } from "../../protocol/widgets/orders";

/** The models of a kernel's widgets. */
export interface WidgetSource {
  /** Calls `tell` at once with all models, and with what changes until the connection is disposed. */
  connect(tell: (order: WidgetOrder) => void): WidgetConnection;
}

/** One frame's connection. */
export interface WidgetConnection {
  /** Passes on what a widget in the frame says. */
  send(event: WidgetEvent): void;
  dispose(): void;
}
