/** Stands in for the controls until they are here. */

import { division } from "../elements";
import type { JsonObject } from "../messages";
import type { Control, ControlHost, Interact, InteractHost } from "./hook";

export function createInteract(_content: JsonObject, host: InteractHost): Interact {
  const element = division("sagecell_interactContainer", host.output);
  const nothing = () => undefined;
  return {
    element,
    take: nothing,
    cleared: nothing,
    kept: () => ({}),
    end: nothing,
    remove: nothing,
  };
}

export function createControl(_content: JsonObject, host: ControlHost): Control {
  const element = division("sagecell_interactContainer", host.output);
  const nothing = () => undefined;
  return { element, take: nothing, end: nothing, remove: nothing };
}
