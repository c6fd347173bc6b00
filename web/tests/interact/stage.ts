/** An interact on an empty page, and access to its parts. */

import { afterEach, beforeEach } from "vitest";

import { createInteract } from "../../src/interact";
import { type Interact } from "../../src/interact/api";
import { type Json, type JsonObject } from "../../src/protocol/messages";
import { FakeHost, all } from "./fakes";

/** The description of a slider. */
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

/** The description of a text box. */
export const BOX = {
  control_type: "input_box",
  subtype: "input",
  default: "a",
  label: "m",
  update: true,
};

/** The description of a button. */
export const BUTTON = {
  control_type: "button",
  text: "Update",
  label: "",
  width: "",
  update: true,
};

/** The id of the interact. */
export const ID = "interact-1";

/** The host of the interact, new for each test. */
export let host: FakeHost;
/** The interact that `show` or `announce` has created last. */
export let block: Interact;

/** Empties the page, and creates a new host. */
export function clear(): void {
  host = new FakeHost();
  document.body.replaceChildren();
}

/** Makes each test of the calling module begin with an empty page. */
export function useStage(): void {
  beforeEach(clear);
  afterEach(() => block.dispose());
}

/** Shows an interact with these controls, one per row. */
export function show(controls: JsonObject, more: JsonObject = {}): void {
  const layout: Json = [...Object.keys(controls), "_bookmarks", "_output"].map((name) => [
    [name, 1],
  ]);
  announce({ new_interact_id: ID, controls, layout, locations: null, readonly: false, ...more });
}

/** Shows an interact with this content, of any shape. */
export function announce(content: JsonObject): void {
  block = createInteract(content, host);
  document.body.append(block.element);
}

/** The cell of the control called `name`. */
export const cell = (name: string) => all<HTMLElement>(`[data-name="${name}"]`)[0]!;
/** The range input with this index. */
export const range = (place = 0) => all("input[type=range]")[place]!;
/** The names of the controls in `root`, in order. */
export const names = (root: ParentNode = document) =>
  all<HTMLElement>("[data-name]", root).map((element) => element.dataset["name"]);
