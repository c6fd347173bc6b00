/** The models of a kernel's widgets, as the kernel opened them and changed them since. */

import type { CommOpen, Json, JsonObject } from "../protocol/messages";
import { type WidgetOrder, attributeAt, widgetData } from "../protocol/widgets/orders";

/** A buffer in the state of a model, and its place there. */
interface Held {
  readonly path: Json;
  readonly buffer: ArrayBuffer;
}

interface Model {
  readonly version: string;
  readonly state: Map<string, Json>;
  /** By the attribute in which they are, and by their path as JSON. */
  readonly buffers: Map<string, Map<string, Held>>;
}

/** Keeps the state of each model, so that a frame that is opened later can have it. */
export class Models {
  readonly #models = new Map<string, Model>();

  get size(): number {
    return this.#models.size;
  }

  has(id: string): boolean {
    return this.#models.has(id);
  }

  /** Adds the model that a comm_open describes. */
  open({ id, version, data, buffers }: CommOpen): void {
    this.#models.set(id, { version, state: new Map(), buffers: new Map() });
    this.change(id, data, buffers);
  }

  /** Carries out an update; data that are none have no effect. */
  change(id: string, data: Json, buffers: readonly ArrayBuffer[]): void {
    const model = this.#models.get(id);
    if (model === undefined) return;
    const { state, bufferPaths } = widgetData(data);
    for (const [name, value] of Object.entries(state)) {
      model.state.set(name, value);
      model.buffers.delete(name);
    }
    for (const [index, path] of bufferPaths.entries()) {
      const buffer = buffers[index];
      const name = attributeAt(path);
      if (buffer === undefined || name === "") continue;
      // One that is the whole attribute is not in the state.
      const held = model.buffers.get(name) ?? new Map<string, Held>();
      model.buffers.set(name, held.set(JSON.stringify(path), { path, buffer }));
      if (Array.isArray(path) && path.length === 1) model.state.delete(name);
    }
  }

  /** Whether the model was there. */
  close(id: string): boolean {
    return this.#models.delete(id);
  }

  /** The order that opens a model with its present state, in which `state` overrides attributes. */
  order(id: string, state: JsonObject = {}): WidgetOrder | null {
    const model = this.#models.get(id);
    if (model === undefined) return null;
    const held = [...model.buffers.values()].flatMap((each) => [...each.values()]);
    return {
      kind: "open",
      id,
      version: model.version,
      state: { ...Object.fromEntries(model.state), ...state },
      bufferPaths: held.map(({ path }) => path),
      buffers: held.map(({ buffer }) => buffer),
    };
  }

  /** The ids of all models, in the order in which they were opened. */
  ids(): string[] {
    return [...this.#models.keys()];
  }
}
