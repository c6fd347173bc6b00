/**
 * An interactive matplotlib figure, drawn by matplotlib's own script if the page has that.
 *
 * Source: matplotlib's backend_nbagg and web_backend, whose `mpl.figure` takes an object with the
 * interface of a WebSocket.
 */

import { division, note } from "../dom/elements";
import { guarded } from "../dom/errors";
import { figureId, figureMessage } from "../protocol/comms";
import type { Json, JsonObject } from "../protocol/messages";
import type { CommHost, CommView } from "./api";

/** The socket of `mpl.figure`. Without a `binaryType`, images arrive as text. */
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

const NO_VIEWER =
  "This page has no viewer for interactive matplotlib figures. plt.show() shows a picture.";

/** The figure, or a note while the page has no `mpl.figure`. */
export class Figure implements CommView {
  readonly element = division("sagecell_figure");
  readonly #host: CommHost;
  readonly #id: string;
  readonly #note = note(NO_VIEWER);
  #socket: FigureSocket | null = null;
  #isOver = false;

  constructor(data: JsonObject, host: CommHost) {
    this.#host = host;
    this.#id = figureId(data);
    // A stranger's program must not choose an id in the page.
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
    // The program may have loaded the script after it opened the figure.
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

  /** Calls matplotlib's script; if that throws, a note takes the place of the figure. */
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
