/**
 * Figures of matplotlib (ipympl); loaded for the first one. jupyter-matplotlib draws them, and this module changes it
 * where several frames, a slow kernel, a keyboard or a small screen need it.
 *
 * Source: matplotlib's backend_webagg_core, whose messages ipympl sends in those of its widgets.
 */

import { DOMWidgetView, type ICallbacks } from "@jupyter-widgets/base";
import * as mpl from "jupyter-matplotlib";

import { note } from "../dom/elements";
import { report } from "../dom/errors";
import "../styles/widgets/figures.css";

// Backbone calls `initialize` before the fields of a class exist: they are only declared.

const CLOSED = "The program has closed this figure.";

const KEYS =
  "Keys: o zooms, p moves, h shows all again, c and v go back and forward, g shows a grid";

/** matplotlib's names of what the mouse does, and the buttons that choose it. */
const ACTIONS: Readonly<Record<string, string>> = { PAN: "pan", ZOOM: "zoom" };

/** Keys that stay the browser's: they leave the figure, or are commands of the browser. */
const BROWSERS = /^(?:Tab|F\d+)$/;

/** A figure. Only in frames that show it does it draw anything, or ask for pictures. */
export class MPLCanvasModel extends mpl.MPLCanvasModel {
  /** Views in this frame. */
  declare shown: number;
  /** Settled when all pictures that have come are drawn: each one changes the one before. */
  declare drawn: Promise<void>;
  /** A movement that waits until the kernel has handled the one before; null for none. */
  declare waiting: Record<string, unknown> | null;
  declare isMoving: boolean;

  override initialize(attributes: never, options: never): void {
    this.shown = 0;
    this.drawn = Promise.resolve();
    this.waiting = null;
    this.isMoving = false;
    super.initialize(attributes, options);
  }

  /** A view is there. */
  show(): void {
    this.shown += 1;
    if (this.shown === 1) super.send_initialization_message();
  }

  /** A view has gone. */
  hide(): void {
    this.shown -= 1;
    this.waiting_for_image = false;
  }

  /** Its views stay if the program has closed it. */
  override close(isByProgram = false): Promise<void> {
    if (isByProgram) {
      this._for_each_view((view) => view instanceof MPLCanvasView && view.close());
      this.views = {};
    }
    return super.close(isByProgram);
  }

  override send_initialization_message(): void {
    // The first view does.
  }

  override on_comm_message(content: unknown, buffers: readonly DataView[]): void {
    if (this.shown > 0) super.on_comm_message(content, buffers);
  }

  /** Sends an event; while the kernel handles a movement, later ones replace each other. */
  override send_message(type: string, message: Record<string, unknown> = {}): void {
    const waiting = this.waiting;
    this.waiting = null;
    if (type !== "motion_notify") {
      if (waiting !== null) super.send_message("motion_notify", waiting);
      super.send_message(type, message);
    } else if (this.isMoving) this.waiting = message;
    else {
      this.isMoving = true;
      const handled = () => {
        this.isMoving = false;
        if (this.waiting !== null) this.send_message(type, this.waiting);
      };
      this.send({ ...message, type }, whenHandled(handled));
    }
  }

  override send_draw_message(): void {
    if (this.waiting_for_image) return;
    this.waiting_for_image = true;
    // A program's error may prevent the picture, and must not prevent the next one.
    this.send(
      { type: "draw" },
      whenHandled(() => (this.waiting_for_image = false)),
    );
  }

  override save_changes(): void {
    // The program has no use for the rectangle that the mouse draws.
  }

  override update_disabled(): void {
    if (this.disabled) this.set("resizable", false);
  }

  /** Keeps what is drawn until there is a picture of the new size. */
  override resize_canvas(): void {
    const { width, height } = this.offscreen_canvas;
    const isEmpty = width === 0 || height === 0;
    const before = isEmpty ? null : this.offscreen_context.getImageData(0, 0, width, height);
    super.resize_canvas();
    if (before !== null) this.offscreen_context.putImageData(before, 0, 0);
  }

  /** Draws the picture with which the figure was displayed, until the kernel sends one. */
  override _init_image(): void {
    this.image = new Image(); // which stays empty
    const url: unknown = this.get("_data_url");
    const bytes = typeof url === "string" ? decoded(url.replace(/^data:[^,]*,/, "")) : null;
    if (bytes !== null) this.draw(bytes, Promise.resolve("stretched"));
  }

  /** Draws a picture, or what differs from the one before, after those that came before. */
  override handle_binary(_message: unknown, buffers: readonly DataView[]): void {
    this.waiting_for_image = false;
    const [bytes] = buffers;
    // The mode comes before the picture, and takes effect a moment later.
    const mode = this.state_change.then(() => String(this.get("_image_mode")));
    if (bytes !== undefined) this.draw(bytes as DataView<ArrayBuffer>, mode);
  }

  override handle_navigate_mode({ mode }: { mode: string }): void {
    // The program or a key may have chosen it.
    const toolbar: unknown = this.get("toolbar");
    if (toolbar instanceof ToolbarModel) toolbar.set("_current_action", ACTIONS[mode] ?? "");
  }

  override handle_save(): void {
    // Frames may not save files: the kernel makes one.
  }

  /** `coming` is how the picture is drawn: "full", "diff" or "stretched". */
  draw(bytes: BlobPart, coming: Promise<string>): void {
    const decoding = createImageBitmap(new Blob([bytes], { type: "image/png" }));
    decoding.catch(() => undefined); // It is reported in its turn.
    this.drawn = this.drawn
      .then(async () => {
        const mode = await coming;
        const picture = await decoding;
        const { width, height } = this.offscreen_canvas;
        const context = this.offscreen_context;
        if (mode !== "diff") context.clearRect(0, 0, width, height);
        if (mode === "stretched") context.drawImage(picture, 0, 0, width, height);
        else context.drawImage(picture, 0, 0);
        picture.close();
        this._for_each_view((view) => view.update_canvas());
      })
      .catch((error: unknown) => report(error, "drawing a figure"));
  }
}

/** A mouse without any button or key. */
const STILL = {
  ...{ button: 0, buttons: 0, deltaY: 0 },
  ...{ altKey: false, ctrlKey: false, metaKey: false, shiftKey: false },
};

/** A view of a figure, no wider than there is space for. */
export class MPLCanvasView extends mpl.MPLCanvasView {
  declare isRemoved: boolean;

  override async render(): Promise<void> {
    this.figureModel.show();
    this.stopListening(this.model, "destroy"); // which would remove it; see `close`
    await super.render();
    this.canvas_div.setAttribute("role", "application");
    this.updateTooltip();
    this.canvas_div.addEventListener("focus", () => this.pointAtMiddle());
    catchTouches(this.top_canvas, () => this.action !== "");
  }

  /** Some keys are for the axes under the mouse: without one, those in the middle. */
  pointAtMiddle(): void {
    if (this.el.matches(":hover")) return;
    const { left, top, width, height } = this.top_canvas.getBoundingClientRect();
    const middle = { clientX: left + width / 2, clientY: top + height / 2 };
    this.mouse_event("motion_notify")({ ...STILL, ...middle });
  }

  /** What the mouse does: "pan", "zoom" or "". */
  get action(): string {
    return String(this.toolbar_view.model.get("_current_action"));
  }

  get figureModel(): MPLCanvasModel {
    return this.model as unknown as MPLCanvasModel;
  }

  /** Follows the model for as long as this view is there. */
  override model_events(): void {
    const follow = (name: string, act: () => void) =>
      this.listenTo(this.model, `change:${name}`, act);
    follow("header_visible", () => this._update_header_visible());
    follow("footer_visible", () => this._update_footer_visible());
    follow("toolbar_visible", () => this._update_toolbar_visible());
    follow("toolbar_position", () => this._update_toolbar_position());
    follow("_message", () => this._update_message());
    follow("_cursor", () => this._update_cursor());
    follow("_figure_label", () => {
      this._update_figure_label();
      this.updateTooltip();
    });
    const touches = () => {
      this.top_canvas.style.touchAction = this.action === "" ? "" : "none";
    };
    this.listenTo(this.toolbar_view.model, "change:_current_action", touches);
    touches();
  }

  /** What the figure shows is the name of the part that takes keys. */
  override updateTooltip(): void {
    const words = String(this.model.get("tooltip") ?? this.model.get("_figure_label"));
    // It is called before there is one as well.
    (this.canvas_div as HTMLElement | undefined)?.setAttribute("aria-label", `${words}. ${KEYS}`);
  }

  override resize_and_update_canvas(size: readonly [width: number, height: number]): void {
    super.resize_and_update_canvas(size);
    this.canvas_div.style.aspectRatio = `${size[0]} / ${size[1]}`;
  }

  override resize_event(event: mpl.Pointing): void {
    super.resize_event(inPixelsOf(this.top_canvas, event));
  }

  override mouse_event(name: string): (event: mpl.Pointing) => void {
    const handle = super.mouse_event(name);
    return (event) => handle(inPixelsOf(this.top_canvas, event));
  }

  override key_event(name: string): (event: KeyboardEvent) => unknown {
    const handle = super.key_event(name);
    return (event) => {
      const isBrowsers = event.ctrlKey || event.altKey || event.metaKey || BROWSERS.test(event.key);
      return isBrowsers ? undefined : handle(event);
    };
  }

  /** Its model was closed: what is drawn stays, until the view is removed. */
  close(): void {
    this.toolbar_view.remove();
    this.canvas_div.setAttribute("inert", "");
    this.figure.append(note(CLOSED));
  }

  override remove(): this {
    super.remove();
    if (!this.isRemoved) this.figureModel.hide();
    this.isRemoved = true;
    // The package's own removes no more than its listeners.
    return DOMWidgetView.prototype.remove.call(this) as this;
  }
}

/** The buttons of a figure. */
export class ToolbarModel extends mpl.ToolbarModel {}

/** A view of them, which the keyboard reaches as well. */
export class ToolbarView extends mpl.ToolbarView {
  override set_visibility(value: string | boolean): void {
    super.set_visibility(value);
    if (this.visibility !== "fade-in-fade-out") return;
    // The style sheet shows them.
    this.el.style.visibility = "";
    this.el.style.opacity = "";
  }

  override fade_in(): void {
    // The style sheet does.
  }

  override fade_out(): void {
    // As above.
  }

  override set_buttons_style(): void {
    super.set_buttons_style();
    const action: unknown = this.model.get("_current_action");
    for (const name of Object.values(ACTIONS)) {
      this.buttons[name]?.setAttribute("aria-pressed", String(name === action));
    }
  }
}

/** Callbacks of a message: `act` is called when the kernel has handled it. */
function whenHandled(act: () => void): ICallbacks {
  const status = ({ content }: { content: { execution_state?: unknown } }) => {
    if (content.execution_state === "idle") act();
  };
  return { iopub: { status: status as never } };
}

/** An event whose position counts in the pixels of a canvas that may be shown smaller. */
function inPixelsOf(canvas: HTMLCanvasElement, event: mpl.Pointing): mpl.Pointing {
  const { left, top, width, height } = canvas.getBoundingClientRect();
  const { button, buttons, deltaY, ctrlKey, altKey, shiftKey, metaKey } = event;
  return {
    clientX: left + ((event.clientX - left) * canvas.width) / (width || 1),
    clientY: top + ((event.clientY - top) * canvas.height) / (height || 1),
    ...{ button, buttons, deltaY, ctrlKey, altKey, shiftKey, metaKey },
  };
}

const TOUCHES: Readonly<Record<string, string>> = {
  pointerdown: "mousedown",
  pointermove: "mousemove",
  pointerup: "mouseup",
  pointercancel: "mouseup",
};

/** While `isCaught`, a finger on an element is its mouse. */
function catchTouches(element: HTMLElement, isCaught: () => boolean): void {
  for (const [type, as] of Object.entries(TOUCHES)) {
    element.addEventListener(type, (event) => {
      const { pointerType, isPrimary, clientX, clientY, buttons } = event as PointerEvent;
      if (pointerType !== "touch" || !isPrimary || !isCaught()) return;
      event.preventDefault();
      element.dispatchEvent(new MouseEvent(as, { clientX, clientY, buttons, bubbles: true }));
    });
  }
}

/** The bytes of a base64 text; null if it is none. */
function decoded(text: string): Uint8Array<ArrayBuffer> | null {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    return null; // A program can set it to anything.
  }
}
