/**
 * A figure of matplotlib that can be moved, drawn by matplotlib's own script if the page has that.
 *
 * Source: matplotlib's backend_nbagg and web_backend, whose `mpl.figure` speaks over something
 * like a WebSocket.
 */

import { division, note } from "../dom/elements";
import { guarded } from "../dom/errors";
import { figureId, figureMessage } from "../protocol/comms";
import type { Json, JsonObject } from "../protocol/messages";
import type { CommHost, CommView } from "./api";

/** What `mpl.figure` takes for its socket. Without a `binaryType`, pictures come as text. */
interface FigureSocket {
  readyState: number;
  onopen: (() => void) | null;
  onmessage: ((event: { data: Json }) => void) | null;
  send(text: string): void;
  close(): void;
}

type MakeFigure = new (
  id: string,
  socket: FigureSocket,
  download: (figure: unknown, format: string) => void,
  parent: HTMLElement,
) => unknown;

const NOBODY =
  "A figure that is to be moved. This page has no program for it; plt.show() shows a picture.";

export class Figure implements CommView {
  readonly element = division("sagecell_figure");
  readonly #host: CommHost;
  readonly #id: string;
  readonly #note = note(NOBODY);
  #socket: FigureSocket | null = null;
  #isOver = false;

  constructor(data: JsonObject, host: CommHost) {
    this.#host = host;
    this.#id = figureId(data);
    // What is a stranger's gets no name in the page.
    if (host.byPage && this.#id !== "" && document.getElementById(this.#id) === null) {
      this.element.id = this.#id;
    }
    this.element.append(this.#note);
    this.#begin();
  }

  handle(data: Json): void {
    this.#draw(() => this.#socket?.onmessage?.({ data: figureMessage(data) }));
  }

  flush(): void {
    // It has no files.
  }

  drawn(): void {
    // The program may have brought the script after it had opened the figure.
    if (!this.#isOver) this.#begin();
  }

  end(): void {
    this.#isOver = true;
    if (this.#socket !== null) this.#socket.readyState = WebSocket.CLOSED;
  }

  #begin(): void {
    if (!this.#host.byPage || this.#socket !== null) return;
    const make = (window as { mpl?: { figure?: unknown } }).mpl?.figure;
    if (typeof make !== "function") return;
    const socket: FigureSocket = {
      readyState: WebSocket.OPEN,
      onopen: null,
      onmessage: null,
      send: (text: unknown) => {
        if (!this.#isOver) this.#host.send(String(text)).catch(() => this.end());
      },
      close: () => this.end(),
    };
    this.#socket = socket;
    this.#note.remove();
    this.#draw(() => {
      new (make as MakeFigure)(this.#id, socket, () => undefined, this.element);
      socket.onopen?.();
    });
  }

  /** The page's script may fail: then there is no figure, and everything else goes on. */
  #draw(act: () => void): void {
    const isDrawn = guarded("drawing a figure of matplotlib", () => {
      act();
      return true;
    });
    if (isDrawn === true) return;
    this.end();
    this.element.append(this.#note);
  }
}
