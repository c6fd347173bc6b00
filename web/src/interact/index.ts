/** What a cell loads when a program shows its first control. */

import { decodeInteract, decodeSingle } from "../protocol/interacts/content";
import type { JsonObject } from "../protocol/messages";
import "../styles/interact/index.css";
import { Block } from "./view";
import { DynamicControl } from "./dynamic";
import { type Control, type ControlHost, type Interact, type InteractHost } from "./api";

export function createInteract(content: JsonObject, host: InteractHost): Interact {
  return new Block(decodeInteract(content), host);
}

export function createControl(content: JsonObject, host: ControlHost): Control {
  return new DynamicControl(decodeSingle(content), host);
}
