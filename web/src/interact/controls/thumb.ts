/** One thumb on one track: a native range input and the exact value that it stands for. */

import type { Scale } from "../../protocol/interacts/controls";
import { clamp, finite, shown } from "../../protocol/interacts/values";
import type { Json } from "../../protocol/messages";
import { input } from "./control";

export interface ThumbOptions {
  readonly scale: Scale;
  readonly start: Json | undefined;
  readonly moved: () => void;
}

export class Thumb {
  readonly input = input("range");
  readonly scale: Scale;
  #value: number;

  constructor({ scale, start, moved }: ThumbOptions) {
    this.scale = scale;
    // In this order: a browser brings each value into the range that it then knows.
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

  /** The value as the kernel had it, also between two steps, until the visitor moves the thumb. */
  get value(): number {
    return this.#value;
  }

  get words(): string {
    return this.scale.words?.[this.#value] ?? shown(this.#value);
  }

  /** Moves the thumb without a word to anybody. */
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
