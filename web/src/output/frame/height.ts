/** How tall the content of a frame is, told whenever it has changed. */

/** Changes in a row that nothing but the frame's own growth explains: then it grows no more. */
const ECHOES = 3;

export interface HeightOptions {
  /** What is measured: the frame's body. */
  readonly body: HTMLElement;
  readonly nextFrame: (act: () => void) => void;
  /** Told after each frame in which the content may have changed. */
  readonly tell: (pixels: number) => void;
}

export class HeightWatch {
  readonly #options: HeightOptions;
  #isScheduled = false;
  #told = 0;
  /** Whether the window has changed since the last look, and nothing else that is known. */
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
    // What is positioned, such as a menu, has no part in the body's size.
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

  /** Looks when the frame is next drawn. */
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
    // A height in parts of the window's makes the frame grow because it has grown.
    const hasGrown = pixels > this.#told;
    if (this.#isEcho && hasGrown) this.#echoes += 1;
    else if (hasGrown) this.#echoes = 0;
    this.#isEcho = false;
    if (hasGrown && this.#echoes > ECHOES) return;
    this.#told = pixels;
    tell(pixels);
  }
}
