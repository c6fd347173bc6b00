/** Interacts and controls; loaded when a program shows the first one. */

import { decodeInteract, decodeSingle } from "../protocol/interacts/content";
import type { JsonObject } from "../protocol/messages";
import "../styles/interact/index.css";
import { Block } from "./view";
import { DynamicControl } from "./dynamic";
import { type Control, type ControlHost, type Interact, type InteractHost } from "./api";

/** An interact; `content` is the kernel's description, of any shape. */
export function createInteract(content: JsonObject, host: InteractHost): Interact {
  return new Block(decodeInteract(content), host);
}

/** A control outside of interacts; `content` is the kernel's description, of any shape. */
export function createControl(content: JsonObject, host: ControlHost): Control {
  return new DynamicControl(decodeSingle(content), host);
}
