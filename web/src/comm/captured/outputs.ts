/** What the `Output` widgets of one kernel show, all together within a bound. */

import type { JsonObject } from "../../protocol/messages";
import { addOutput, displayIdOf } from "../../protocol/widgets/outputs";
import { footprintOf } from "../../protocol/widgets/footprint";

/** What all outputs have at most, as `footprintOf` counts it: about a byte for a character. */
export const MOST_CAPTURED = 32_000_000;

/** What an output counts beside its content. */
const OUTPUT = 200;

/** Displays of one id that are updated at most, the first ones, as in an output of the page. */
const UPDATED = 1000;

const CUT = "[Widgets have captured more than 32 MB of output; the rest is not shown.]";
const TOO_LARGE = "[Output that a widget captured is too large or too complex, and is not shown.]";

/** The output of one widget. */
interface Shown {
  outputs: JsonObject[];
  size: number;
  /** There was no room for all of it. Nothing is added before it is cleared. */
  isCut: boolean;
}

/** A display that can be updated: the model in whose output it is. */
interface Display {
  readonly id: string;
  size: number;
}

/** The output of each model. */
export class WidgetOutputs {
  readonly #shown = new Map<string, Shown>();
  /** By the id for updates: the displays that have it. */
  readonly #displays = new Map<string, Map<JsonObject, Display>>();
  #size = 0;

  /** Begins with no output for a new model. */
  open(id: string): void {
    this.#shown.set(id, { outputs: [], size: 0, isCut: false });
  }

  close(id: string): void {
    this.clear(id);
    this.#shown.delete(id);
  }

  /** The output of a model; null for one that has none. */
  of(id: string): JsonObject[] | null {
    return this.#shown.get(id)?.outputs ?? null;
  }

  /** The size of a model's output, as `footprintOf` counts it, and 200 for each part. */
  size(id: string): number {
    return this.#shown.get(id)?.size ?? 0;
  }

  clear(id: string): void {
    const shown = this.#shown.get(id);
    if (shown === undefined) return;
    for (const output of shown.outputs) this.#forget(output);
    this.#size -= shown.size;
    Object.assign(shown, { outputs: [], size: 0, isCut: false });
  }

  /** Adds to a model's output. Returns what that shows: a sentence if there is no room, null for nothing. */
  add(id: string, output: JsonObject): JsonObject | null {
    const shown = this.#shown.get(id);
    if (shown === undefined || shown.isCut) return null;
    const size = OUTPUT + footprintOf(output, MOST_CAPTURED);
    if (size === Infinity) return this.add(id, sentence(TOO_LARGE));
    shown.isCut = this.#size + size > MOST_CAPTURED;
    if (!shown.isCut) return this.#append(id, shown, output, size);
    const notice = sentence(CUT);
    return this.#append(id, shown, notice, OUTPUT + footprintOf(notice, Infinity));
  }

  /** Updates displays. Returns the models in which they are, and what they show; null if there are none. */
  update(update: JsonObject): { readonly ids: string[]; readonly output: JsonObject } | null {
    const displays = this.#displays.get(displayIdOf(update));
    if (displays === undefined) return null;
    const before = [...displays.values()].reduce((sum, { size }) => sum + size, 0);
    const size = OUTPUT + footprintOf(update, MOST_CAPTURED);
    const isCut = this.#size - before + size * displays.size > MOST_CAPTURED;
    const words = size === Infinity ? TOO_LARGE : CUT;
    const output = isCut ? { ...update, data: { "text/plain": words }, metadata: {} } : update;
    const shown = { data: output["data"] ?? {}, metadata: output["metadata"] ?? {} };
    const each = isCut ? OUTPUT + footprintOf(output, Infinity) : size;
    for (const [display, held] of displays) {
      Object.assign(display, shown);
      this.#grow(this.#shown.get(held.id), each - held.size);
      held.size = each;
    }
    return { ids: [...new Set([...displays.values()].map(({ id }) => id))], output };
  }

  #append(id: string, shown: Shown, output: JsonObject, size: number): JsonObject {
    const kept = addOutput(shown.outputs, output);
    this.#grow(shown, size);
    const displayId = displayIdOf(kept);
    if (displayId !== "") {
      const same = this.#displays.get(displayId) ?? new Map<JsonObject, Display>();
      if (same.size < UPDATED) this.#displays.set(displayId, same.set(kept, { id, size }));
    }
    return output;
  }

  #forget(output: JsonObject): void {
    const displayId = displayIdOf(output);
    const same = this.#displays.get(displayId);
    same?.delete(output);
    if (same?.size === 0) this.#displays.delete(displayId);
  }

  #grow(shown: Shown | undefined, by: number): void {
    if (shown !== undefined) shown.size += by;
    this.#size += by;
  }
}

function sentence(words: string): JsonObject {
  return { output_type: "stream", name: "stderr", text: `\n${words}\n` };
}
