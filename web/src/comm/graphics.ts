/**
 * A picture that tells its program where it was clicked, by mouse or by keyboard.
 *
 * Events go one after another: while the program deals with one, later moves replace each other.
 */

import { division } from "../dom/elements";
import { report } from "../dom/errors";
import { KernelGone } from "../protocol/ask";
import { filenameIn } from "../protocol/comms";
import type { Json, JsonObject } from "../protocol/messages";
import type { CommHost, CommView } from "./api";

/** What is sent when it happens; moves only while a button is down. */
const EVENTS = ["mousedown", "mousemove", "mouseup", "click", "dblclick"];

/** Events that wait at most; what comes on top of them is let fall. */
const MOST = 20;

/** The picture's pixels by which an arrow key moves the cross, and with Shift. */
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

export class Graphics implements CommView {
  readonly element = division("sagecell_graphics");
  readonly #host: CommHost;
  readonly #image = document.createElement("img");
  readonly #cross = division("sagecell_cross");
  #filename = "";
  /** Asked for anew with each number: the file may have changed. */
  #version = 0;
  #isMissing = false;
  /** How often the kernel was idle, and how often it had been when the picture was asked for. */
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
    image.alt = "Picture that answers to clicks: arrow keys move the cross, Enter clicks there";
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
    // It needs no script.
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

  /** A file arrives at the latest when its program ends: before, it may not be there yet. */
  #failed(): void {
    if (this.#idles > this.#idlesBefore) this.#show(this.#filename);
    else this.#isMissing = true;
  }

  // --- where

  #size(): { width: number; height: number } {
    const { naturalWidth, naturalHeight } = this.#image;
    const { width, height } = this.#image.getBoundingClientRect();
    // A drawing without a size of its own has that in which it is shown.
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
    // A click that a screen reader makes up has no place.
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

  /** Tells of an event at `#place`. */
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
      if (!(error instanceof KernelGone)) report(error, "telling a program of a click");
      this.end();
    } finally {
      this.#isSending = false;
    }
  }
}
