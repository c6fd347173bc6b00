/**
 * The page's side of the frame that shows an output with scripts.
 *
 *     loading --> greeted --> ready          any --> over
 *        ^           |          |
 *        +-----------+----------+
 *
 * When the frame's page has loaded, it is sent a port, and answers that it is ready. Another page that a
 * script navigates the frame to has no port. Orders wait until the frame is ready.
 *
 * The content is lost if a script navigates the frame, or if the frame is moved in the document, where
 * it then loads once more. The frame's page says when it is left, and the port is closed then, in
 * browsers that tell: the other page may never finish loading. A new <iframe> takes the place of the old.
 */

import type { Clock } from "../../dom/clock";
import { division, note } from "../../dom/elements";
import { onThemeChange } from "../../dom/scheme";
import {
  type FrameBeginning,
  type FrameOrder,
  type FramedItem,
  decodeReport,
  greeting,
} from "../../protocol/frames";
import { type PostedEvent, widgetEvent } from "../../protocol/widgets/orders";
import type { WidgetConnection, WidgetSource } from "./link";
import { themeAt } from "./theme";

/** The greatest height in CSS pixels; taller content scrolls in its frame. */
export const TALLEST = 20_000;

/** Seconds between two changes of the height. */
const HEIGHT_PAUSE = 0.1;

/** Seconds within which the frame's page has to be ready. */
const PATIENCE = 30;

/** Seconds between two links that are followed. */
const LINK_PAUSE = 1;

/** Seconds within which the browser tells this page of a click in the frame. */
const LINK_GRACE = 0.2;

/** Without allow-same-origin, the origin is opaque. */
const SANDBOX = "allow-scripts allow-forms";

/** Reports per second; a frame makes about one for each time that it is drawn. */
const MOST_REPORTS = 1000;

/** Characters and bytes of an event that count as a report; more than are ever sent do not. */
const EVENT_LENGTH = 10_000;
const LONGEST_EVENT = 4_000_000;

/** Reports that one counts as which the frame's page never sends. */
const ALIEN = 100;

const FAILED = "The frame in which scripts of this output would run could not be loaded.";
const FLOODED = "Scripts of this output kept the page busy with messages, and were stopped.";
const LEFT = "Scripts of this output left their frame again and again, and were not run any more.";
const RESTARTED =
  "A script of this output tried to open another page here. The output was made again.";

/** The collaborators of a frame. */
export interface FrameOptions {
  /** The address of the frame's page. */
  readonly address: string;
  readonly files: FrameBeginning["files"];
  readonly version: FrameBeginning["version"];
  readonly clock: Clock;
  /** Opens an address in a new tab. */
  readonly open: (address: string) => void;
  /** The models of the program's widgets. */
  readonly widgets: WidgetSource;
}

/** Callbacks of a frame. */
export interface FrameEvents {
  /** The content is lost and has to be sent again. */
  readonly onLost: () => void;
  /** The frame is gone; `sentence` is the reason for the reader. */
  readonly onFailed: (sentence: string) => void;
}

/** Makes the frame of an output. */
export type FrameMaker = (events: FrameEvents) => OutputFrame;

/** How often lost content is sent again. */
const RESTARTS = 3;

type State = "loading" | "greeted" | "ready" | "over";

/** One frame, from the first display with a script to the next evaluation. */
export class OutputFrame {
  readonly element = division("sagecell_framed");
  readonly #options: FrameOptions;
  readonly #events: FrameEvents;
  #frame: HTMLIFrameElement;
  /** The window that was greeted; a frame that is moved in the document gets another. */
  #window: Window | null = null;
  readonly #endTheme: () => void;
  #state: State = "loading";
  #port: MessagePort | null = null;
  /** Orders to be sent when the frame is ready. */
  #waiting: FrameOrder[] = [];
  #orders = 0;
  /** Orders that the frame has reported as carried out. */
  #done = 0;
  #whenDone: (() => void)[] = [];
  #height = 0;
  #callOffHeight: (() => void) | null = null;
  #restarts = 0;
  /** Exists while the frame shows widgets. */
  #connection: WidgetConnection | null = null;
  #lastLink = -Infinity;
  /** When the current second began, and the reports in it. */
  #second = -Infinity;
  #reports = 0;
  #callOffPatience: () => void;

  constructor(options: FrameOptions, events: FrameEvents) {
    this.#options = options;
    this.#events = events;
    this.#frame = this.#makeFrame();
    this.element.append(this.#frame);
    this.#callOffPatience = options.clock.after(PATIENCE, () => this.#fail(FAILED));
    this.#endTheme = onThemeChange(() => this.#tellTheme());
  }

  show(id: number, item: FramedItem): void {
    this.#order({ kind: "show", id, item });
  }

  update(id: number, item: FramedItem): void {
    this.#order({ kind: "update", id, item });
  }

  /** Appends a stream, to be written to. */
  text(name: "stdout" | "stderr"): FramedText {
    return new FramedText((text, isNew) => this.#order({ kind: "print", name, text, isNew }));
  }

  /** Removes all output; global variables of scripts stay. */
  clear(): void {
    this.#orders -= this.#waiting.splice(0).length;
    this.#order({ kind: "clear" });
  }

  /** Fulfilled when the frame has the height for all orders so far, or is gone. */
  settled(): Promise<void> {
    if (this.#isSettled) return Promise.resolve();
    return new Promise((resolve) => this.#whenDone.push(resolve));
  }

  dispose(): void {
    this.#state = "over";
    this.#waiting = [];
    this.#port?.close();
    this.#disconnect();
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

  #makeFrame(): HTMLIFrameElement {
    const frame = document.createElement("iframe");
    frame.className = "sagecell_frame";
    frame.title = "Output of the program";
    frame.setAttribute("sandbox", SANDBOX);
    frame.referrerPolicy = "no-referrer";
    frame.src = this.#options.address;
    frame.addEventListener("load", () => this.#loaded(frame));
    return frame;
  }

  #loaded(frame: HTMLIFrameElement): void {
    if (frame !== this.#frame || this.#state === "over") return;
    if (this.#state === "loading") this.#greet();
    else this.#lost();
  }

  /** The frame's page is gone. If the frame was moved, or is not in the document, it will load again. */
  #left(): void {
    if (this.#state !== "greeted" && this.#state !== "ready") return;
    if (!this.#wasMoved) this.#lost();
  }

  get #wasMoved(): boolean {
    return this.#frame.contentWindow !== this.#window;
  }

  #greet(): void {
    const { files, version } = this.#options;
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    port1.onmessage = ({ data }) => this.#heard(data);
    port1.addEventListener("close", () => {
      if (port1 === this.#port) this.#left();
    });
    this.#window = this.#frame.contentWindow;
    const theme = themeAt(this.#frame, this.element);
    // An opaque origin cannot be named as the target.
    this.#window?.postMessage(greeting({ theme, files, version }), "*", [port2]);
    this.#state = "greeted";
  }

  #heard(data: unknown): void {
    if (this.#state === "over") return; // Messages may be on their way when the port is closed.
    if (this.#isFlooded()) {
      this.#fail(FLOODED);
      return;
    }
    const report = decodeReport(data);
    switch (report?.kind) {
      case undefined:
        this.#reports += ALIEN;
        break;
      case "ready":
        if (this.#state === "greeted") this.#ready();
        break;
      case "height":
        if (this.#state === "ready") this.#grown(report.pixels, report.orders);
        break;
      case "link":
        this.#follow(report.address);
        break;
      case "left":
        this.#left();
        break;
      case "widgets":
        if (this.#state === "ready") this.#connect();
        break;
      case "event":
        this.#used(report.event);
        break;
    }
  }

  /** Passes on what a widget says; long data count as several reports, since reading them takes time. */
  #used(posted: PostedEvent): void {
    if (this.#connection === null) return;
    const bytes = posted.buffers.reduce((sum, { byteLength }) => sum + byteLength, 0);
    const length = posted.json.length + Math.min(bytes, LONGEST_EVENT);
    this.#reports += Math.floor(length / EVENT_LENGTH);
    const event = widgetEvent(posted);
    if (event !== null) this.#connection.send(event);
  }

  #connect(): void {
    this.#connection ??= this.#options.widgets.connect((order) =>
      this.#order({ kind: "widgets", order }),
    );
  }

  #disconnect(): void {
    this.#connection?.dispose();
    this.#connection = null;
  }

  #isFlooded(): boolean {
    const now = this.#options.clock.now();
    if (now >= this.#second + 1) {
      this.#second = now;
      this.#reports = 0;
    }
    this.#reports += 1;
    return this.#reports > MOST_REPORTS;
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

  /** Limits how often the page around has a new layout. */
  #applyHeight(): void {
    this.#callOffHeight = null;
    const height = `${this.#height}px`;
    if (this.#frame.style.height === height) return;
    this.#frame.style.height = height;
    this.#callOffHeight = this.#options.clock.after(HEIGHT_PAUSE, () => this.#applyHeight());
  }

  /** Follows a link only after a click: the frame has the focus, and the browser a user activation. */
  #follow(address: string): void {
    const now = this.#options.clock.now();
    if (now < this.#lastLink + LINK_PAUSE) return;
    this.#lastLink = now;
    if (this.#isClicked) this.#options.open(address);
    // The activation in a frame of another process may arrive after its message.
    else this.#options.clock.after(LINK_GRACE, () => this.#followLate(address));
  }

  #followLate(address: string): void {
    if (this.#state === "ready" && this.#isClicked) this.#options.open(address);
  }

  get #isClicked(): boolean {
    const { activeElement } = this.#frame.getRootNode() as Document | ShadowRoot;
    const activation = (navigator as Partial<Navigator>).userActivation;
    return activeElement === this.#frame && (activation?.isActive ?? true);
  }

  /** Loads the frame's page again, in a new frame: another page may still load in the old one. */
  #lost(): void {
    this.#disconnect();
    this.#port?.close();
    this.#port = null;
    if (!this.#wasMoved) {
      this.#restarts += 1;
      if (this.#restarts > RESTARTS) {
        this.#fail(LEFT);
        return;
      }
      if (this.#restarts === 1) this.element.append(note(RESTARTED));
    }
    this.#waiting = [];
    this.#orders = this.#done = 0;
    this.#state = "loading";
    this.#callOffPatience();
    this.#callOffPatience = this.#options.clock.after(PATIENCE, () => this.#fail(FAILED));
    const frame = this.#makeFrame();
    frame.style.height = this.#frame.style.height;
    this.#frame.replaceWith(frame);
    this.#frame = frame;
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

/** A stream that a frame shows. */
export class FramedText {
  /** Characters written so far. */
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
