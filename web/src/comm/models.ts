/** The models of a kernel's widgets, as the kernel opened them and changed them since. */

import type { CommOpen, Json, JsonObject } from "../protocol/messages";
import { footprintOf } from "../protocol/widgets/footprint";
import { type WidgetOrder, attributeAt, widgetData } from "../protocol/widgets/orders";

/** Models that a kernel may have at once. */
const MOST_MODELS = 10_000;

/** What all states have at most, as `footprintOf` counts it, with the bytes of their buffers. */
export const MOST_STATE = 64_000_000;

/** What a model, an attribute and a buffer count beside their content. */
const MODEL = 1000;
const PART = 100;

/** The place of a buffer: a few names and indices. */
const LONGEST_PATH = 10_000;

/** A buffer in the state of a model, and its place there. */
interface Held {
  readonly path: Json;
  readonly buffer: ArrayBuffer;
  readonly size: number;
}

interface Model {
  readonly version: string;
  readonly state: Map<string, Json>;
  /** By the attribute in which they are, and by their path as JSON. */
  readonly buffers: Map<string, Map<string, Held>>;
  /** Of each attribute in `state`. */
  readonly sizes: Map<string, number>;
  size: number;
}

/** Keeps the state of each model, so that a frame that is opened later can have it. */
export class Models {
  readonly #models = new Map<string, Model>();
  #size = 0;

  has(id: string): boolean {
    return this.#models.has(id);
  }

  /** Adds the model that a comm_open describes; false, without effect, if there is no room for it. */
  open({ id, version, data, buffers }: CommOpen): boolean {
    if (this.#models.size >= MOST_MODELS) return false;
    const maps = { state: new Map(), buffers: new Map(), sizes: new Map() };
    const model: Model = { version, ...maps, size: 0 };
    this.#models.set(id, model);
    this.#grow(model, MODEL + id.length + version.length);
    const hasRoom = this.change(id, data, buffers);
    if (!hasRoom) this.close(id);
    return hasRoom;
  }

  /**
   * Carries out an update; data that are none have no effect.
   *
   * False if the states would be too large, or nested too deeply. The model is then to be closed.
   */
  change(id: string, data: Json, buffers: readonly ArrayBuffer[]): boolean {
    const model = this.#models.get(id);
    if (model === undefined) return true;
    const { state, bufferPaths } = widgetData(data);
    for (const [name, value] of Object.entries(state)) {
      const size = PART + name.length + footprintOf(value, MOST_STATE);
      if (size === Infinity) return false;
      this.#drop(model, name);
      model.state.set(name, value);
      model.sizes.set(name, size);
      this.#grow(model, size);
    }
    for (const [index, path] of bufferPaths.entries()) {
      const buffer = buffers[index];
      const name = attributeAt(path);
      const length = footprintOf(path, LONGEST_PATH);
      if (buffer === undefined || name === "" || length === Infinity) continue;
      // One that is the whole attribute is not in the state.
      if (Array.isArray(path) && path.length === 1) this.#drop(model, name);
      this.#hold(model, name, { path, buffer, size: PART + length + buffer.byteLength });
    }
    return this.#size <= MOST_STATE;
  }

  /** Whether the model was there. */
  close(id: string): boolean {
    this.#size -= this.#models.get(id)?.size ?? 0;
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

  #hold(model: Model, name: string, held: Held): void {
    const all = model.buffers.get(name) ?? new Map<string, Held>();
    const key = JSON.stringify(held.path);
    this.#grow(model, held.size - (all.get(key)?.size ?? 0));
    model.buffers.set(name, all.set(key, held));
  }

  /** Removes an attribute with its buffers. */
  #drop(model: Model, name: string): void {
    const held = [...(model.buffers.get(name)?.values() ?? [])];
    const size = held.reduce((sum, each) => sum + each.size, model.sizes.get(name) ?? 0);
    this.#grow(model, -size);
    model.state.delete(name);
    model.buffers.delete(name);
    model.sizes.delete(name);
  }

  #grow(model: Model, by: number): void {
    model.size += by;
    this.#size += by;
  }
}
