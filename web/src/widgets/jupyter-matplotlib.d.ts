/** The parts of the package jupyter-matplotlib, which has no types of its own, that `matplotlib.ts` changes. */
declare module "jupyter-matplotlib" {
  import { DOMWidgetModel, DOMWidgetView } from "@jupyter-widgets/base";

  /** A figure. Sizes are in CSS pixels; there are `ratio` of the screen's to one of these. */
  export class MPLCanvasModel extends DOMWidgetModel {
    offscreen_canvas: HTMLCanvasElement;
    offscreen_context: CanvasRenderingContext2D;
    image: HTMLImageElement;
    waiting_for_image: boolean;
    readonly size: readonly [width: number, height: number];
    readonly disabled: boolean;
    update_disabled(): void;
    send_initialization_message(): void;
    send_message(type: string, message?: Record<string, unknown>): void;
    send_draw_message(): void;
    resize_canvas(): void;
    handle_binary(message: unknown, buffers: readonly DataView[]): void;
    handle_navigate_mode(message: { mode: string }): void;
    handle_save(message: unknown, buffers: readonly DataView[]): void;
    on_comm_message(content: unknown, buffers: readonly DataView[]): void;
    _init_image(): void;
    _for_each_view(act: (view: MPLCanvasView) => unknown): void;
  }

  /** What its view needs of an event of the mouse. */
  export type Pointing = Pick<
    MouseEvent,
    "altKey" | "button" | "buttons" | "clientX" | "clientY" | "ctrlKey" | "metaKey" | "shiftKey"
  > & { deltaY: number };

  /** A view of a figure. */
  export class MPLCanvasView extends DOMWidgetView {
    figure: HTMLElement;
    canvas_div: HTMLElement;
    top_canvas: HTMLCanvasElement;
    toolbar_view: ToolbarView;
    render(): Promise<void>;
    model_events(): void;
    update_canvas(): void;
    resize_and_update_canvas(size: readonly [width: number, height: number]): void;
    resize_event(event: Pointing): void;
    mouse_event(name: string): (event: Pointing) => void;
    key_event(name: string): (event: KeyboardEvent) => unknown;
    _update_header_visible(): void;
    _update_footer_visible(): void;
    _update_toolbar_visible(): void;
    _update_toolbar_position(): void;
    _update_figure_label(): void;
    _update_message(): void;
    _update_cursor(): void;
  }

  /** The buttons of a figure. */
  export class ToolbarModel extends DOMWidgetModel {}

  /** A view of them; `buttons` are by the names of the methods that they call. */
  export class ToolbarView extends DOMWidgetView {
    buttons: Record<string, HTMLButtonElement>;
    visibility: string;
    set_visibility(value: string | boolean): void;
    set_buttons_style(): void;
    fade_in(): void;
    fade_out(): void;
  }
}
