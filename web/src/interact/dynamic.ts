/** A control without an interact: it shows, and sets, variables of the program's namespace. */

import { division } from "../dom/elements";
import { type JsonObject, textAt, textsAt } from "../protocol/messages";
import { type Control, type ControlHost } from "./api";
import { Latest } from "./coalesce";
import { numberAt } from "./description";
import { type Place, makePlace, markDirty } from "./fields";

let controls = 0;

export class DynamicControl implements Control {
  readonly element: HTMLElement;
  readonly #host: ControlHost;
  readonly #id: string;
  readonly #namespace: string;
  readonly #variables: readonly string[];
  /** Null for a region of output. */
  readonly #place: Place | null;
  readonly #latest: Latest;
  /** Variables that have other values than this shows. */
  readonly #outdated = new Set<string>();
  #isOver = false;

  constructor(content: JsonObject, host: ControlHost) {
    this.#host = host;
    this.#id = textAt(content, "control_id");
    this.#namespace = textAt(content, "namespace");
    this.#variables = textsAt(content, "variable");
    this.#latest = new Latest({ run: () => this.#run(), onLost: () => this.end() });
    this.#place = this.#makePlace(content);
    this.element = division(
      "sagecell_interactContainer",
      this.#place?.cell ?? division("sagecell_interactOutput", host.output),
    );
  }

  take(type: string, content: JsonObject): void {
    if (type === "application/sage-interact-update") this.#update(content);
    else if (type === "application/sage-interact-variable") this.#variableChanged(content);
  }

  end(): void {
    this.#isOver = true;
    this.#latest.end();
    this.#place?.control.enable(false);
    this.element.classList.add("sagecell_interactEnded");
    this.element.setAttribute("aria-disabled", "true");
  }

  dispose(): void {
    this.#latest.end();
  }

  #makePlace(content: JsonObject): Place | null {
    const description = descriptionOf(content);
    if (description === null) return null;
    controls += 1;
    return makePlace({
      name: this.#variables[0] ?? "",
      description,
      id: `sagecell-control-${controls}`,
      host: this.#host,
      changed: (place) => {
        if (this.#isOver) return;
        place.isUnsent = true;
        markDirty(place, true);
        this.#latest.ask();
      },
    });
  }

  async #run(): Promise<void> {
    const place = this.#place;
    const namespace = this.#namespace;
    if (place?.isUnsent) {
      place.isUnsent = false;
      const value = place.control.value() ?? null;
      const variable = this.#variables[0] ?? "";
      await this.#host.send("variable_update", { namespace, variable, control: this.#id, value });
      if (!place.isUnsent) markDirty(place, false);
    }
    for (const variable of this.#outdated) {
      // One update of a region of output shows all of its variables.
      if (place === null) this.#outdated.clear();
      else this.#outdated.delete(variable);
      await this.#host.send("control_update", { namespace, control_id: this.#id, variable });
    }
  }

  #variableChanged(content: JsonObject): void {
    const variable = textAt(content, "variable");
    if (textAt(content, "namespace") !== this.#namespace) return;
    if (content["control"] === this.#id || !this.#variables.includes(variable)) return;
    this.#outdated.add(variable);
    this.#latest.ask();
  }

  #update({ value }: JsonObject): void {
    if (this.#place === null || this.#place.isUnsent || value === undefined) return;
    this.#place.control.show(value);
  }
}

/** The same control as an interact would describe it; null for a region of output. */
function descriptionOf(content: JsonObject): JsonObject | null {
  const common = { label: textAt(content, "label"), default: content["value"] ?? null };
  switch (content["control_type"]) {
    case "OutputRegion":
      return null;
    case "Slider":
      return {
        ...common,
        control_type: "slider",
        subtype: "continuous",
        range: [numberAt(content, "min", 0), numberAt(content, "max", 1)],
        step: numberAt(content, "step", 0),
      };
    case "ExpressionBox":
      return { ...common, control_type: "input_box", subtype: "input" };
    case "Checkbox":
      return { ...common, control_type: "checkbox" };
    default:
      return { ...common, control_type: textAt(content, "control_type") };
  }
}
