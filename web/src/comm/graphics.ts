/**
 * A picture that sends its mouse events to the program, also those made with the keyboard.
 *
 * One event is in flight at a time: while the program handles it, consecutive moves are merged.
 */

import { division } from "../dom/elements";
import { report } from "../dom/errors";
import { KernelGone } from "../protocol/ask";
import { filenameIn } from "../protocol/comms";
import type { Json, JsonObject } from "../protocol/messages";
import type { CommHost, CommView } from "./api";

/** The DOM events that are sent; moves only while a button is down. */
const EVENTS = ["mousedown", "mousemove", "mouseup", "click", "dblclick"];

/** Events that wait at most; further ones are dropped. */
const MOST = 20;

/** Pixels of the picture by which an arrow key moves the cross, without and with Shift. */
const STEP = 10;
const SMALL_STEP = 1;

const ARROWS: Readonly<Record<string, readonly [x: number, y: number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

interface Point {
  readonly x: number;
  readonly y: number;
}

/** The picture, with a cross for the keyboard. Points are in its own pixels, from the top left. */
export class Graphics implements CommView {
  readonly element = division("sagecell_graphics");
  readonly #host: CommHost;
  readonly #image = document.createElement("img");
  readonly #cross = division("sagecell_cross");
  #filename = "";
  /** Part of the address, so that a changed file is fetched again. */
  #version = 0;
  #isMissing = false;
  /** How often the kernel has become idle: by now, and when the picture was last requested. */
  #idles = 0;
  #idlesBefore = 0;
  #place: Point | null = null;
  readonly #waiting: JsonObject[] = [];
  #isSending = false;
  #isOver = false;

  constructor(data: JsonObject, host: CommHost) {
    this.#host = host;
    const image = this.#image;
    image.className = "sagecell_image";
    image.alt = "Clickable picture: arrow keys move the cross, Enter clicks there";
    image.draggable = false;
    image.tabIndex = 0;
    image.setAttribute("role", "application");
    image.setAttribute("aria-label", image.alt);
    for (const type of EVENTS)
      image.addEventListener(type, (event) => this.#pointed(event as MouseEvent));
    image.addEventListener("keydown", (event) => this.#pressed(event));
    image.addEventListener("error", () => this.#failed());
    this.#cross.hidden = true;
    this.#cross.setAttribute("aria-hidden", "true");
    this.element.append(image, this.#cross);
    this.#show(filenameIn(data));
  }

  handle(data: Json): void {
    const filename = filenameIn(data);
    if (filename !== "") this.#show(filename);
  }

  flush(): void {
    this.#idles += 1;
    if (this.#isMissing) this.#show(this.#filename);
  }

  drawn(): void {
    // It uses no script of the page.
  }

  end(): void {
    this.#isOver = true;
    this.#waiting.length = 0;
    this.#cross.hidden = true;
    this.element.classList.add("sagecell_over");
    this.#image.tabIndex = -1;
    this.#image.setAttribute("role", "img");
    this.#image.setAttribute("aria-label", "Picture made by the program");
  }

  #show(filename: string): void {
    this.#filename = filename;
    this.#version += 1;
    this.#isMissing = false;
    this.#idlesBefore = this.#idles;
    const [path = ""] = filename.split("?", 1);
    const address = this.#host.fileAddress(`${path}?v=${this.#version}`);
    if (address === null) this.#image.removeAttribute("src");
    else this.#image.src = address;
  }

  /** Retries once the kernel has become idle: until then, the file may not be on the server. */
  #failed(): void {
    if (this.#idles > this.#idlesBefore) this.#show(this.#filename);
    else this.#isMissing = true;
  }

  // --- where

  #size(): { width: number; height: number } {
    const { naturalWidth, naturalHeight } = this.#image;
    const { width, height } = this.#image.getBoundingClientRect();
    // An SVG without an intrinsic size: its displayed size counts.
    return { width: naturalWidth || width, height: naturalHeight || height };
  }

  #at(event: MouseEvent): Point {
    const shown = this.#image.getBoundingClientRect();
    const { width, height } = this.#size();
    const x = ((event.clientX - shown.left) * width) / (shown.width || 1);
    const y = ((event.clientY - shown.top) * height) / (shown.height || 1);
    return this.#within({ x: Math.floor(x), y: Math.floor(y) });
  }

  #within({ x, y }: Point): Point {
    const { width, height } = this.#size();
    const kept = (value: number, size: number) => Math.max(0, Math.min(value, Math.ceil(size) - 1));
    return { x: kept(x, width), y: kept(y, height) };
  }

  #moveCross(by: readonly [x: number, y: number], step: number): void {
    const { width, height } = this.#size();
    const from = this.#place ?? { x: Math.floor(width / 2), y: Math.floor(height / 2) };
    const [x, y] = by;
    this.#place = this.#within({ x: from.x + x * step, y: from.y + y * step });
    this.#cross.hidden = false;
    this.#cross.style.left = `${((this.#place.x + 0.5) / width) * 100}%`;
    this.#cross.style.top = `${((this.#place.y + 0.5) / height) * 100}%`;
  }

  // --- what happens

  #pointed(event: MouseEvent): void {
    if (this.#isOver || event.button !== 0 || (event.type === "mousemove" && event.buttons === 0)) {
      return;
    }
    this.#cross.hidden = true;
    this.#place = this.#at(event);
    this.#tell(event.type);
  }

  #pressed(event: KeyboardEvent): void {
    if (this.#isOver || event.altKey || event.ctrlKey || event.metaKey) return;
    const by = Object.hasOwn(ARROWS, event.key) ? ARROWS[event.key] : undefined;
    if (by !== undefined) this.#moveCross(by, event.shiftKey ? SMALL_STEP : STEP);
    else if (event.key === "Enter" || event.key === " ") {
      if (this.#place === null || this.#cross.hidden) this.#moveCross([0, 0], 0);
      this.#tell("click");
    } else return;
    event.preventDefault();
  }

  /** Queues an event at `#place`. */
  #tell(eventType: string): void {
    const last = this.#waiting.at(-1);
    if (eventType === "mousemove" && last?.["eventType"] === "mousemove") this.#waiting.pop();
    if (this.#waiting.length < MOST) this.#waiting.push({ ...this.#place, eventType });
    if (!this.#isSending) void this.#sendAll();
  }

  async #sendAll(): Promise<void> {
    this.#isSending = true;
    try {
      for (let data = this.#waiting.shift(); data !== undefined; data = this.#waiting.shift()) {
        await this.#host.send(data);
      }
    } catch (error) {
      if (!(error instanceof KernelGone)) report(error, "sending a click to a program");
      this.end();
    } finally {
      this.#isSending = false;
    }
  }
}
