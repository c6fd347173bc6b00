/** The views of comms; loaded when a program opens the first comm. */

import type { JsonObject } from "../protocol/messages";
import "../styles/comm.css";
import type { CommHost, CommView } from "./api";
import { Figure } from "./figure";
import { Graphics } from "./graphics";
import { Note } from "./note";

/** A view for a new comm; a note where the page has none for `target`. */
export function createView(target: string, data: JsonObject, host: CommHost): CommView {
  switch (target) {
    case "graphicswidget":
      return new Graphics(data, host);
    case "matplotlib":
      return new Figure(data, host);
    default:
      return new Note("This page has no viewer for this scene. threejs(...) shows scenes as HTML.");
  }
}
