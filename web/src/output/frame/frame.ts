/**
 * The frame in which an output with scripts stands, as the page around it has it.
 *
 *     loading --> greeted --> ready          any --> over
 *        ^           |          |
 *        +-----------+----------+
 *
 * Loading is until the frame's page is there, which is then greeted with a port of its own, so that
 * no other page that the frame may come to show is heard. Orders wait until it is ready. A frame that
 * loads once more has lost what it showed: a script has left the page, or the frame was moved.
 */

import type { Clock } from "../../dom/clock";
import { division } from "../../dom/elements";
import {
  type FrameBeginning,
  type FrameOrder,
  type FramedItem,
  decodeReport,
  greeting,
} from "../../protocol/frames";
import { onThemeChange, themeAt } from "./theme";

/** CSS pixels; what is taller scrolls in its frame. */
export const TALLEST = 20_000;

/** Seconds between two changes of the height. */
const HEIGHT_PAUSE = 0.1;

/** Seconds in which the frame's page has to be there. */
const PATIENCE = 30;

/** Seconds between two links that are followed. */
const LINK_PAUSE = 1;

/** Scripts may do as they like in there, and nothing outside of it. */
const SANDBOX = "allow-scripts allow-forms";

const FAILED = "The frame in which scripts of this output would run could not be loaded.";
const LEFT = "Scripts of this output left their frame again and again, and were not run any more.";

export interface FrameOptions {
  /** The address of the frame's page. */
  readonly address: string;
  readonly files: FrameBeginning["files"];
  readonly version: FrameBeginning["version"];
  readonly clock: Clock;
  /** Opens an address in a new tab. */
  readonly open: (address: string) => void;
}

export interface FrameEvents {
  /** What was shown in it is gone, and is to be said again. */
  readonly onLost: () => void;
  /** There is no frame any more, for a reason that is a sentence. */
  readonly onFailed: (sentence: string) => void;
}

/** Makes the frame of an output. */
export type FrameMaker = (events: FrameEvents) => OutputFrame;

/** How often what was lost is said again. */
const RESTARTS = 3;

type State = "loading" | "greeted" | "ready" | "over";

export class OutputFrame {
  readonly element = division("sagecell_framed");
  readonly #options: FrameOptions;
  readonly #events: FrameEvents;
  readonly #frame = document.createElement("iframe");
  readonly #endTheme: () => void;
  #state: State = "loading";
  #port: MessagePort | null = null;
  /** What is to be said when the frame is ready. */
  #waiting: FrameOrder[] = [];
  #orders = 0;
  /** Orders that the frame has carried out, as far as is known. */
  #done = 0;
  #whenDone: (() => void)[] = [];
  #height = 0;
  #callOffHeight: (() => void) | null = null;
  #restarts = 0;
  #lastLink = -Infinity;
  #callOffPatience: () => void;

  constructor(options: FrameOptions, events: FrameEvents) {
    this.#options = options;
    this.#events = events;
    const frame = this.#frame;
    frame.className = "sagecell_frame";
    frame.title = "Output of the program";
    frame.setAttribute("sandbox", SANDBOX);
    frame.referrerPolicy = "no-referrer";
    frame.src = options.address;
    frame.addEventListener("load", () => this.#loaded());
    this.element.append(frame);
    this.#callOffPatience = options.clock.after(PATIENCE, () => this.#fail(FAILED));
    this.#endTheme = onThemeChange(() => this.#tellTheme());
  }

  show(id: number, item: FramedItem): void {
    this.#order({ kind: "show", id, item });
  }

  update(id: number, item: FramedItem): void {
    this.#order({ kind: "update", id, item });
  }

  /** A text of its own below what is there, to be written to. */
  text(name: "stdout" | "stderr"): FramedText {
    return new FramedText((text, isNew) => this.#order({ kind: "print", name, text, isNew }));
  }

  /** What scripts have loaded stays. */
  clear(): void {
    this.#orders -= this.#waiting.splice(0).length;
    this.#order({ kind: "clear" });
  }

  /** Fulfilled when all that was said is shown as tall as it is, or never will be. */
  settled(): Promise<void> {
    if (this.#isSettled) return Promise.resolve();
    return new Promise((resolve) => this.#whenDone.push(resolve));
  }

  dispose(): void {
    this.#state = "over";
    this.#waiting = [];
    this.#port?.close();
    this.#callOffPatience();
    this.#callOffHeight?.();
    this.#endTheme();
    this.element.remove();
    this.#tellDone();
  }

  get #isSettled(): boolean {
    return this.#state === "over" || this.#done >= this.#orders;
  }

  #order(order: FrameOrder): void {
    if (this.#state === "over") return;
    this.#orders += 1;
    if (this.#state === "ready") this.#port?.postMessage(order);
    else this.#waiting.push(order);
  }

  #loaded(): void {
    if (this.#state === "loading") this.#greet();
    else if (this.#state !== "over") this.#lost();
  }

  #greet(): void {
    const { files, version } = this.#options;
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    port1.onmessage = ({ data }) => this.#heard(data);
    const theme = themeAt(this.#frame, this.element);
    // Its origin is nobody's, and has no name.
    this.#frame.contentWindow?.postMessage(greeting({ theme, files, version }), "*", [port2]);
    this.#state = "greeted";
  }

  #heard(data: unknown): void {
    const report = decodeReport(data);
    switch (report?.kind) {
      case "ready":
        if (this.#state === "greeted") this.#ready();
        break;
      case "height":
        if (this.#state === "ready") this.#grown(report.pixels, report.orders);
        break;
      case "link":
        this.#follow(report.address);
        break;
    }
  }

  #ready(): void {
    this.#callOffPatience();
    this.#state = "ready";
    for (const order of this.#waiting.splice(0)) this.#port?.postMessage(order);
  }

  #grown(pixels: number, orders: number): void {
    this.#height = Math.min(Math.ceil(pixels), TALLEST);
    this.#done = Math.max(this.#done, orders);
    if (this.#callOffHeight === null) this.#applyHeight();
    if (this.#isSettled) this.#tellDone();
  }

  /** However often scripts change it, the page around moves a few times a second. */
  #applyHeight(): void {
    this.#callOffHeight = null;
    const height = `${this.#height}px`;
    if (this.#frame.style.height === height) return;
    this.#frame.style.height = height;
    this.#callOffHeight = this.#options.clock.after(HEIGHT_PAUSE, () => this.#applyHeight());
  }

  /** Only what a reader has clicked is followed: then the frame has the focus. */
  #follow(address: string): void {
    const now = this.#options.clock.now();
    const isClicked = (navigator as Partial<Navigator>).userActivation?.isActive ?? true;
    if (!isClicked || !this.#frame.matches(":focus") || now < this.#lastLink + LINK_PAUSE) return;
    this.#lastLink = now;
    this.#options.open(address);
  }

  #lost(): void {
    this.#port?.close();
    this.#restarts += 1;
    if (this.#restarts > RESTARTS) {
      this.#fail(LEFT);
      return;
    }
    this.#waiting = [];
    this.#orders = this.#done = 0;
    this.#state = "loading";
    this.#callOffPatience();
    this.#callOffPatience = this.#options.clock.after(PATIENCE, () => this.#fail(FAILED));
    this.#frame.src = this.#options.address;
    this.#events.onLost();
  }

  #tellTheme(): void {
    if (this.#state !== "ready") return;
    this.#order({ kind: "theme", theme: themeAt(this.#frame, this.element) });
  }

  #fail(sentence: string): void {
    this.dispose();
    this.#events.onFailed(sentence);
  }

  #tellDone(): void {
    for (const tell of this.#whenDone.splice(0)) tell();
  }
}

/** Text that a frame shows, as a terminal would. */
export class FramedText {
  /** Characters that were written. */
  size = 0;
  readonly #print: (text: string, isNew: boolean) => void;

  constructor(print: (text: string, isNew: boolean) => void) {
    this.#print = print;
  }

  write(text: string): void {
    this.#print(text, this.size === 0);
    this.size += text.length;
  }
}
