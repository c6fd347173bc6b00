/** What a cell loads when a program opens its first comm. */

import type { JsonObject } from "../protocol/messages";
import "../styles/comm.css";
import type { CommHost, CommView } from "./api";
import { Figure } from "./figure";
import { Graphics } from "./graphics";
import { Note } from "./note";

export function createView(target: string, data: JsonObject, host: CommHost): CommView {
  switch (target) {
    case "graphicswidget":
      return new Graphics(data, host);
    case "matplotlib":
      return new Figure(data, host);
    default:
      return new Note("A scene that only a viewer could show. threejs(...) shows scenes as HTML.");
  }
}
