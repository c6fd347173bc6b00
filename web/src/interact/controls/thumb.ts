/** One thumb of a slider: a range input and the exact value behind it. */

import type { Scale } from "../../protocol/interacts/controls";
import { clamp, finite, shown } from "../../protocol/interacts/values";
import type { Json } from "../../protocol/messages";
import { input } from "./control";

/** What a thumb needs. */
export interface ThumbOptions {
  readonly scale: Scale;
  readonly start: Json | undefined;
  /** Called when the visitor has moved the thumb. */
  readonly moved: () => void;
}

/** A range input, which rounds to its step, and the value, which does not. */
export class Thumb {
  readonly input = input("range");
  readonly scale: Scale;
  #value: number;

  constructor({ scale, start, moved }: ThumbOptions) {
    this.scale = scale;
    // Range before value, because browsers clamp a value when it is set.
    this.input.min = String(scale.least);
    this.input.max = String(scale.most);
    this.input.step = String(scale.step);
    this.#value = scale.least;
    this.#put(scale.least);
    if (start !== undefined) this.place(start);
    this.input.addEventListener("input", () => {
      this.#value = clamp(this.input.valueAsNumber, scale.least, scale.most);
      this.#tell();
      moved();
    });
  }

  /** The kernel's value, even between two steps, until the visitor moves the thumb. */
  get value(): number {
    return this.#value;
  }

  /** The value as text: an item of the list, or a number without rounding noise. */
  get words(): string {
    return this.scale.words?.[this.#value] ?? shown(this.#value);
  }

  /** Moves the thumb to a value from the program, clamped to the range, without calling `moved`. */
  place(value: Json): void {
    const number = finite(value);
    if (number === null) return;
    const { least, most, words } = this.scale;
    this.#put(clamp(words === null ? number : Math.round(number), least, most));
  }

  #put(value: number): void {
    this.#value = value;
    this.input.value = String(value);
    this.#tell();
  }

  #tell(): void {
    this.input.setAttribute("aria-valuetext", this.words);
  }
}
