/** The widgets of a frame; loaded for the first one that is shown. */

import "@fortawesome/fontawesome-free/css/fontawesome.css";
import "@fortawesome/fontawesome-free/css/solid.css";
import "@jupyter-widgets/controls/css/widgets-base.css";
import "@lumino/widgets/style/index.css";
import "../styles/widgets/controls.css";
import type { WidgetHost, Widgets } from "./api";
import { FrameManager } from "./manager";

/** The widgets of a frame that has none yet. */
export function createWidgets(host: WidgetHost): Widgets {
  return new FrameManager(host);
}
