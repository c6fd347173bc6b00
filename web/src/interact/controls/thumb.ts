/** One thumb on one track: a native range input and the exact value that it stands for. */

import { type Json, type JsonObject } from "../../protocol/messages";
import { clamp, finite, listOf, numberAt, shown, wordsOf } from "../description";
import { input } from "./control";

/** The values that a thumb can have. */
export interface Scale {
  readonly least: number;
  readonly most: number;
  readonly step: number | "any";
  /** The words for each value, where values are places in a list. */
  readonly words: readonly string[] | null;
}

/** The scale of a slider: places in `values` for discrete ones, else numbers in `range`. */
export function scaleOf(description: JsonObject, isDiscrete: boolean): Scale {
  if (isDiscrete) return placesIn(listOf(description["values"]));
  return numbersIn(listOf(description["range"]), numberAt(description, "step", 0));
}

export function placesIn(values: readonly Json[]): Scale {
  return { least: 0, most: Math.max(0, values.length - 1), step: 1, words: values.map(wordsOf) };
}

export function numbersIn(range: readonly Json[], step: number): Scale {
  const [one, other] = [finite(range[0]) ?? 0, finite(range[1]) ?? 1];
  const [least, most] = [Math.min(one, other), Math.max(one, other)];
  return { least, most, step: step > 0 ? step : "any", words: null };
}

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
