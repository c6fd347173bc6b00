/** Measures the height of a frame's content. */

/** Growths in a row that only follow from the frame's own growth; after these, it is ignored. */
const ECHOES = 3;

/** The collaborators of a `HeightWatch`. */
export interface HeightOptions {
  /** The element that is measured. */
  readonly body: HTMLElement;
  readonly nextFrame: (act: () => void) => void;
  /** Called when the content may have changed, once per animation frame. */
  readonly tell: (pixels: number) => void;
}

/** Measures the body when the frame is drawn after a change. */
export class HeightWatch {
  readonly #options: HeightOptions;
  #isScheduled = false;
  #told = 0;
  /** Whether only the window's height has changed since the last measurement. */
  #isEcho = false;
  #echoes = 0;

  constructor(options: HeightOptions) {
    this.#options = options;
    const { body } = options;
    const changed = () => {
      this.#isEcho = false;
      this.look();
    };
    new ResizeObserver(() => this.look()).observe(body);
    // Positioned elements, such as menus, do not change the body's size.
    new MutationObserver(changed).observe(body, {
      attributes: true,
      childList: true,
      characterData: true,
      subtree: true,
    });
    body.addEventListener("load", changed, true);
    body.addEventListener("toggle", changed, true);
    let { innerWidth } = window;
    window.addEventListener("resize", () => {
      this.#isEcho = innerWidth === window.innerWidth;
      ({ innerWidth } = window);
      this.look();
    });
  }

  /** Measures in the next animation frame. */
  look(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#options.nextFrame(() => {
      this.#isScheduled = false;
      this.#measure();
    });
  }

  #measure(): void {
    const { body, tell } = this.#options;
    const root = body.ownerDocument.documentElement;
    const scrollbar = window.innerHeight - root.clientHeight;
    const pixels = Math.ceil(body.scrollHeight + scrollbar);
    // Heights in vh grow with the frame, which then grows again.
    const hasGrown = pixels > this.#told;
    if (this.#isEcho && hasGrown) this.#echoes += 1;
    else if (hasGrown) this.#echoes = 0;
    this.#isEcho = false;
    if (hasGrown && this.#echoes > ECHOES) return;
    this.#told = pixels;
    tell(pixels);
  }
}
