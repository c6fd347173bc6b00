/** The output in a frame, which the orders of its page build. */

import { guarded } from "../../dom/errors";
import type { FrameBeginning, FrameOrder, Theme } from "../../protocol/frames";
import { filesBelow } from "../files";
import { renderItem } from "../mime";
import type { Showing } from "../policy";
import { StreamView } from "../text/stream";
import { trusted } from "../trusted";

/** Shows items and streams in the order of the orders. */
export class FramedOutput {
  readonly element = document.createElement("div");
  /** How its items are shown. */
  readonly showing: Showing;
  readonly #content = document.createElement("div");
  readonly #items = new Map<number, HTMLElement>();
  #stream: StreamView | null = null;

  /** `live` returns the element of the widget that a display shows; null for other displays. */
  constructor({ files, version, theme }: FrameBeginning, live: Showing["live"]) {
    const fileAddress = filesBelow(files, version);
    const free = trusted({ fileAddress, fileBase: () => files, live });
    this.showing = {
      ...free,
      first: new Set(), // as in the page around it
      html: (source) => {
        const element = free.html(source);
        element?.classList.add("sagecell_html");
        return element;
      },
    };
    this.element.className = "sagecell_sessionOutput";
    this.element.append(this.#content);
    wear(theme);
  }

  handle(order: FrameOrder): void {
    switch (order.kind) {
      case "theme":
        wear(order.theme);
        return;
      case "show": {
        const element = renderItem(order.item, this.showing);
        this.#items.set(order.id, element);
        this.append(element);
        return;
      }
      case "update": {
        const shown = this.#items.get(order.id);
        if (shown === undefined) return;
        const fresh = renderItem(order.item, this.showing);
        shown.replaceWith(fresh);
        this.#items.set(order.id, fresh);
        return;
      }
      case "print":
        this.#print(order.name, order.text, order.isNew);
        return;
      case "clear":
        this.#items.clear();
        this.#stream = null;
        this.#content.replaceChildren();
        return;
      case "widgets":
        return; // Its place is in a display.
    }
  }

  /** Appends an element. */
  append(element: HTMLElement): void {
    this.#content.append(element);
  }

  /** Appends HTML that a script has written with `document.write`. */
  write(html: string): void {
    const shown = guarded("showing what a script wrote", () => this.showing.html(html));
    if (shown) this.append(shown);
  }

  #print(name: "stdout" | "stderr", text: string, isNew: boolean): void {
    if (isNew || this.#stream === null) {
      this.#stream = new StreamView(`sagecell_${name}`);
      this.append(this.#stream.element);
    }
    const stream = this.#stream;
    guarded(`showing ${name}`, () => stream.write(text));
  }
}

/** Applies the theme of the page around the frame. */
function wear({ scheme, properties }: Theme): void {
  const { style } = document.documentElement;
  style.colorScheme = scheme;
  for (const [name, value] of Object.entries(properties)) style.setProperty(name, value);
}
