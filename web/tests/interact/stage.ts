/** An interact on an empty page, and what tests look at of it. */

import { afterEach, beforeEach } from "vitest";

import { createInteract } from "../../src/interact";
import { type Interact } from "../../src/interact/api";
import { type Json, type JsonObject } from "../../src/protocol/messages";
import { FakeHost, all } from "./fakes";

export const SLIDER = {
  control_type: "slider",
  subtype: "continuous",
  range: [0, 10],
  step: 0.5,
  default: 1,
  display_value: true,
  label: "n",
  update: true,
};
export const BOX = {
  control_type: "input_box",
  subtype: "input",
  default: "a",
  label: "m",
  update: true,
};
export const BUTTON = {
  control_type: "button",
  text: "Update",
  label: "",
  width: "",
  update: true,
};
export const ID = "interact-1";

export let host: FakeHost;
export let block: Interact;

/** An empty page, and nothing sent yet. */
export function clear(): void {
  host = new FakeHost();
  document.body.replaceChildren();
}

/** To be called once by a module of tests: each begins with nothing. */
export function useStage(): void {
  beforeEach(clear);
  afterEach(() => block.dispose());
}

/** Shows an interact with these controls, each in a row of its own. */
export function show(controls: JsonObject, more: JsonObject = {}): void {
  const layout: Json = [...Object.keys(controls), "_bookmarks", "_output"].map((name) => [
    [name, 1],
  ]);
  announce({ new_interact_id: ID, controls, layout, locations: null, readonly: false, ...more });
}

/** Shows whatever a kernel may say an interact is. */
export function announce(content: JsonObject): void {
  block = createInteract(content, host);
  document.body.append(block.element);
}

export const cell = (name: string) => all<HTMLElement>(`[data-name="${name}"]`)[0]!;
export const range = (place = 0) => all("input[type=range]")[place]!;
export const names = (root: ParentNode = document) =>
  all<HTMLElement>("[data-name]", root).map((element) => element.dataset["name"]);
