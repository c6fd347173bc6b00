/** Fakes of an interact's cell and kernel, controlled by the test. */

import { type ControlHost, type Interact, type InteractHost } from "../../src/interact/api";
import { type Control } from "../../src/interact/controls/control";
import { type ControlOptions, makeControl } from "../../src/interact/controls/controls";
import { KernelGone } from "../../src/protocol/ask";
import { eventIn } from "../../src/protocol/interacts/displays";
import { type Json, type JsonObject } from "../../src/protocol/messages";
import { type UpdateReply, updateReply } from "../../src/protocol/replies";
import { settled } from "../fakes";

interface Asked {
  readonly type: string;
  readonly content: JsonObject;
  readonly resolve: (reply: JsonObject) => void;
  readonly reject: (error: Error) => void;
}

/** A host that records the requests, which the test answers. */
export class FakeHost implements InteractHost, ControlHost {
  readonly id = "interact-1";
  readonly output = document.createElement("div");
  readonly asked: Asked[] = [];
  saved: JsonObject | null = null;
  changes = 0;
  #answered = 0;

  async update(values: JsonObject, updateLast: boolean): Promise<UpdateReply> {
    const content = updateLast ? values : { values, updateLast };
    return updateReply(await this.#ask("update_interact", content));
  }

  send(type: string, content: JsonObject): Promise<JsonObject> {
    return this.#ask(type, content);
  }

  locate(selector: string): HTMLElement | null {
    return document.querySelector(selector);
  }

  html(source: string): HTMLElement {
    const element = document.createElement("div");
    element.innerHTML = source;
    return element;
  }

  typeset(element: HTMLElement): void {
    element.dataset["typeset"] = "yes";
  }

  changed(): void {
    this.changes += 1;
  }

  /** The contents of all requests, in order. */
  get sent(): JsonObject[] {
    return this.asked.map(({ content }) => content);
  }

  /** The number of pending requests. */
  get open(): number {
    return this.asked.length - this.#answered;
  }

  /** Answers the oldest pending request. */
  async answers(reply: JsonObject = { status: "ok" }): Promise<void> {
    this.asked[this.#answered]!.resolve(reply);
    this.#answered += 1;
    await settled();
  }

  /** Rejects the oldest pending request, as when the kernel ends. */
  async dies(): Promise<void> {
    this.asked[this.#answered]!.reject(new KernelGone());
    this.#answered += 1;
    await settled();
  }

  #ask(type: string, content: JsonObject): Promise<JsonObject> {
    return new Promise((resolve, reject) => {
      this.asked.push({ type, content, resolve, reject });
    });
  }
}

/** A control on the page, and its value after each change. */
export function made(
  description: JsonObject,
  host: ControlOptions["host"] = new FakeHost(),
): Control & { readonly said: Json[] } {
  const said: Json[] = [];
  const control = makeControl({
    description,
    id: "it",
    label: "x",
    host,
    changed: () => said.push(control.value()!),
  });
  document.body.replaceChildren(control.element);
  return Object.assign(control, { said });
}

/** Sends an event to a control or an interact, as a display does. */
export function tells(controls: Pick<Interact, "handle">, type: string, content: JsonObject): void {
  const event = eventIn({ [`application/sage-interact-${type}`]: content });
  if (event !== null) controls.handle(event);
}

/** Enters a value into a field and leaves it; drags a slider to the value. */
export function enters(field: HTMLElement, value: string): void {
  (field as HTMLInputElement).value = value;
  field.dispatchEvent(new Event("input", { bubbles: true }));
  field.dispatchEvent(new Event("change", { bubbles: true }));
}

/** Drags a slider without releasing it. */
export function drags(field: HTMLElement, value: string): void {
  (field as HTMLInputElement).value = value;
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

/** Presses a key in a field. */
export function presses(field: HTMLElement, key: string, more: KeyboardEventInit = {}): void {
  const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...more });
  field.dispatchEvent(event);
}

/** All elements of the page that match a selector. */
export function all<E extends HTMLElement = HTMLInputElement>(
  selector: string,
  root: ParentNode = document,
): E[] {
  return Array.from(root.querySelectorAll<E>(selector));
}
