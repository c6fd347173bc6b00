/** A control outside of interacts: it shows and sets variables of the program's namespace. */

import { division } from "../dom/elements";
import type { ControlContent } from "../protocol/interacts/content";
import type { InteractEvent, UpdateEvent, VariableEvent } from "../protocol/interacts/displays";
import { type Control, type ControlHost } from "./api";
import { Latest } from "./coalesce";
import { type Place, makePlace, markDirty } from "./fields";

let controls = 0;

/** A control for one variable, or a region whose output depends on several. */
export class DynamicControl implements Control {
  readonly element: HTMLElement;
  readonly #host: ControlHost;
  readonly #content: ControlContent;
  /** Null for a region of output. */
  readonly #place: Place | null;
  readonly #latest: Latest;
  /** Variables that have changed since they were shown. */
  readonly #outdated = new Set<string>();
  #isOver = false;

  constructor(content: ControlContent, host: ControlHost) {
    this.#host = host;
    this.#content = content;
    this.#latest = new Latest({ run: () => this.#run(), onLost: () => this.end() });
    this.#place = this.#makePlace(content);
    this.element = division(
      "sagecell_interactContainer",
      this.#place?.cell ?? division("sagecell_interactOutput", host.output),
    );
  }

  handle(event: InteractEvent): void {
    if (event.kind === "variable") this.#variableChanged(event);
    else if (event.kind === "update") this.#update(event);
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

  #makePlace({ description, variables }: ControlContent): Place | null {
    if (description === null) return null;
    controls += 1;
    return makePlace({
      name: variables[0] ?? "",
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
    const { id, namespace, variables } = this.#content;
    if (place?.isUnsent) {
      place.isUnsent = false;
      const value = place.control.value() ?? null;
      const variable = variables[0] ?? "";
      await this.#host.send("variable_update", { namespace, variable, control: id, value });
      // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- It may change during send().
      if (!place.isUnsent) markDirty(place, false);
    }
    for (const variable of this.#outdated) {
      // One update of an output region covers all of its variables.
      if (place === null) this.#outdated.clear();
      else this.#outdated.delete(variable);
      await this.#host.send("control_update", { namespace, control_id: id, variable });
    }
  }

  #variableChanged({ namespace, variable, control }: VariableEvent): void {
    const { id, variables, ...own } = this.#content;
    if (namespace !== own.namespace || control === id || !variables.includes(variable)) return;
    this.#outdated.add(variable);
    this.#latest.ask();
  }

  #update({ value }: UpdateEvent): void {
    if (this.#place === null || this.#place.isUnsent || value === undefined) return;
    this.#place.control.show(value);
  }
}
