/**
 * A program's output on the page.
 *
 * The transcript keeps all of it; the page shows a bounded part and says how much is missing. The
 * DOM is written once per frame, for at most 12 ms, so that the page stays responsive.
 */

import { note } from "../dom/elements";
import { guarded } from "../dom/errors";
import type { KernelMessage, Question } from "../protocol/messages";
import type { FramedText, OutputFrame } from "./frame/frame";
import { firstForScripts, framesScripts, needsFrame, staysInPage } from "./frame/placement";
import { UNSHOWN, renderItem } from "./mime";
import { Overflow } from "./overflow";
import { type Showing, harmless } from "./policy";
import { type Limit, Sheet } from "./sheet";
import { Cursor } from "./text/cursor";
import { type Answering, QuestionForm } from "./text/question";
import { StreamView } from "./text/stream";
import { type Change, type StreamItem, Transcript, textLength } from "./text/transcript";

/** A receiver of output: that of a cell, or of an interact in it. */
export interface OutputSink {
  /** Takes a message; those without visible output are ignored. */
  append(message: KernelMessage): void;
  /** Called when no more output is expected for now: a pending `clear_output` takes effect. */
  flush(): void;
}

/** What an output needs. */
export interface OutputOptions {
  /** Calls `act` once, before the browser next paints. */
  readonly nextFrame: (act: () => void) => void;
  /** The current time in milliseconds, for limiting the work per frame. */
  readonly now: () => number;
  readonly limit?: Limit;
  /** Creates the interact or comm that a message opens; returns the message that shows it. */
  readonly open?: (message: KernelMessage) => KernelMessage;
  /** Called when the page shows all output, or as much as the limit allows. */
  readonly onDrawn?: () => void;
  /** Takes the reader's answers to what programs ask; without it, no question is shown. */
  readonly answering?: Answering;
}

const LIMIT: Limit = { items: 1000, characters: 500_000 };

/** Milliseconds per frame for writing output. */
const FRAME = 12;

/** Characters written between two checks of the time. */
const SLICE = 65_536;

/** The output of one cell or interact; messages are shown in the following frames. */
export class Output implements OutputSink {
  readonly element = document.createElement("div");
  /** The part of the element that has the output alone: pages read its text. */
  readonly block = document.createElement("div");
  readonly #options: OutputOptions;
  readonly #limit: Limit;
  readonly #transcript = new Transcript();
  readonly #content = document.createElement("div");
  readonly #overflow: Overflow;
  readonly #question: QuestionForm | null;
  #showing: Showing = harmless({ fileAddress: () => null });
  #sheet = new Sheet();
  /** Exists from the first display with a script until the next program. */
  #frame: OutputFrame | null = null;
  #isStale = false;
  #isScheduled = false;

  constructor(options: OutputOptions) {
    this.#options = options;
    this.#limit = options.limit ?? LIMIT;
    this.block.className = "sagecell_sessionOutput";
    this.block.append(this.#content);
    this.#overflow = new Overflow(this.#transcript, () => this.#showMore());
    this.element.append(this.block, this.#overflow.element);
    this.#question = this.#makeQuestion();
  }

  /** Whether the page shows all output, or as much as the limit allows. */
  get isDrawn(): boolean {
    return !this.#isScheduled;
  }

  /** Clears the output of the last program, but keeps its height until `settle`. */
  begin(showing: Showing): void {
    // Pages may have emptied the elements around it.
    if (!this.element.contains(this.#content)) {
      this.block.append(this.#content);
      this.element.prepend(this.block);
    }
    this.#showing = showing;
    this.#question?.drop();
    this.#transcript.clear();
    this.#clear();
    this.#dropFrame();
  }

  /** Takes a message, which is shown in the following frames. */
  append(message: KernelMessage): void {
    if (message.type === "input_request") {
      this.#ask(message.content);
      return;
    }
    const { open } = this.#options;
    const opened = open && guarded(`opening ${message.type}`, () => open(message));
    const change = this.#transcript.append(opened ?? message);
    if (change !== null) this.#changed(change);
  }

  /** Clears the output when the next item arrives. */
  clearBeforeNext(): void {
    this.#transcript.clearBeforeNext();
  }

  /** The program has ended, or waits no longer: what it asked stays in the output, unanswered. */
  endQuestion(): void {
    this.#question?.end();
  }

  /** Carries out a pending `clearBeforeNext`, and then settles. */
  flush(): void {
    this.endQuestion();
    if (this.#transcript.isToBeCleared) {
      this.#transcript.clear();
      this.#changed({ cleared: true, updated: [] });
    }
    void this.settle();
  }

  /** Releases the height that `begin` kept, once the images have their size. Never rejects. */
  async settle(): Promise<void> {
    await new Promise<void>((resolve) => this.#options.nextFrame(resolve));
    const sheet = this.#sheet;
    const images = Array.from(this.element.querySelectorAll("img"));
    const decoded = images.map(async (image) => image.decode());
    await Promise.allSettled([...decoded, this.#frame?.settled()]);
    if (sheet === this.#sheet) this.element.style.minHeight = "";
  }

  /** Removes the output from the page; frames that were requested draw nothing. */
  dispose(): void {
    this.#question?.drop();
    this.element.remove();
    this.#transcript.clear();
    this.#clear();
    this.#dropFrame();
  }

  #makeQuestion(): QuestionForm | null {
    const { answering, nextFrame } = this.#options;
    if (answering === undefined) return null;
    return new QuestionForm({
      ...answering,
      nextFrame,
      echo: (text) => this.append(answering.echo(text)),
    });
  }

  #ask(question: Question): void {
    if (this.#question === null) return;
    // Pages may have emptied the elements around it.
    if (!this.element.contains(this.#question.element)) {
      this.element.append(this.#question.element);
    }
    this.#question.ask(question);
  }

  #changed({ cleared, updated }: Change): void {
    if (cleared) this.#isStale = true;
    for (const item of updated) this.#sheet.outdated.add(item);
    if (!this.#isScheduled) this.#schedule();
  }

  #schedule(): void {
    this.#isScheduled = true;
    this.#options.nextFrame(() => {
      this.#isScheduled = false;
      this.#draw();
    });
  }

  #draw(): void {
    if (this.#isStale) this.#clear();
    const deadline = this.#options.now() + FRAME;
    this.#redrawOutdated(deadline);
    if (this.#sheet.outdated.size > 0) this.#schedule();
    while (this.#sheet.outdated.size === 0 && this.#step()) {
      if (this.#options.now() < deadline) continue;
      this.#schedule();
      break;
    }
    const { next, characters } = this.#sheet;
    const isCut = this.#sheet.isFull(this.#limit) && this.#sheet.isBehind(this.#transcript.items);
    this.#overflow.show(isCut ? { item: next, characters } : null);
    if (this.isDrawn) this.#options.onDrawn?.();
  }

  /** Draws displays that were updated again, as many as there is time for. */
  #redrawOutdated(deadline: number): void {
    const { elements, framed, outdated } = this.#sheet;
    for (const item of outdated) {
      if (this.#options.now() >= deadline) return;
      outdated.delete(item);
      const id = framed.get(item);
      if (id !== undefined) this.#frame?.update(id, item);
      const shown = elements.get(item);
      if (shown === undefined) continue;
      if (needsFrame(item, this.#showing)) {
        this.#openFrame(this.#transcript.items.indexOf(item));
        return;
      }
      const fresh = renderItem(item, this.#showing);
      shown.replaceWith(fresh);
      elements.set(item, fresh);
    }
  }

  /** Shows one more item or slice; false when there is none, or the limit is reached. */
  #step(): boolean {
    const sheet = this.#sheet;
    const item = this.#transcript.items[sheet.next];
    if (item === undefined || sheet.isFull(this.#limit)) return false;
    if (item.kind === "stream") return this.#stepStream(item);
    if (sheet.next < sheet.framedFrom && needsFrame(item, this.#showing)) {
      this.#openFrame(sheet.next);
      return true;
    }
    const isUpdated = item.kind === "display" && item.displayId !== "";
    if (this.#isFramed && !staysInPage(item, this.#showing)) {
      this.#frame?.show(sheet.next, item);
      if (isUpdated) sheet.framed.set(item, sheet.next);
    } else {
      const element = renderItem(item, this.#showing);
      if (isUpdated) sheet.elements.set(item, element);
      this.#put(element);
    }
    sheet.characters += textLength(item);
    sheet.next += 1;
    return true;
  }

  #stepStream({ name, chunks }: StreamItem): boolean {
    const sheet = this.#sheet;
    sheet.stream ??= { view: this.#addStreamView(name), cursor: new Cursor() };
    const { view, cursor } = sheet.stream;
    if (!cursor.isAtEnd(chunks)) {
      const text = cursor.read(chunks, SLICE);
      const before = view.size;
      const isWritten = guarded(`showing ${name}`, () => {
        view.write(text);
        return true;
      });
      sheet.characters += view.size - before;
      if (isWritten !== true) {
        this.#put(note(UNSHOWN));
        sheet.stream = { view: this.#addStreamView(name), cursor };
      }
      return true;
    }
    // The last stream may still grow.
    if (sheet.next === this.#transcript.items.length - 1) return false;
    sheet.next += 1;
    sheet.stream = null;
    return true;
  }

  #addStreamView(name: StreamItem["name"]): StreamView | FramedText {
    if (this.#frame !== null && this.#isFramed) return this.#frame.text(name);
    const view = new StreamView(`sagecell_${name}`);
    this.#put(view.element);
    return view;
  }

  /** Whether the next item is shown in the frame, unless it stays in the page. */
  get #isFramed(): boolean {
    return this.#sheet.next >= this.#sheet.framedFrom;
  }

  /** Shows items in the frame from `at` on, or from earlier HTML with ids that scripts may look for. */
  #openFrame(at: number): void {
    this.#frame ??= this.#makeFrame();
    const from = firstForScripts(this.#transcript.items, this.#showing);
    const first = Math.min(at, this.#sheet.framedFrom, from);
    if (first === this.#sheet.next) this.#sheet.framedFrom = first;
    else this.#restart(first);
  }

  #makeFrame(): OutputFrame | null {
    const frame = this.#showing.frame?.({
      onLost: () => this.#restart(this.#sheet.framedFrom),
      onFailed: (sentence) => this.#unframe(sentence),
    });
    if (frame !== undefined) this.#content.append(frame.element);
    return frame ?? null;
  }

  /** Draws everything again, with the items from `framedFrom` on in the frame. */
  #restart(framedFrom: number): void {
    const { pages } = this.#sheet;
    this.#clear();
    Object.assign(this.#sheet, { pages, framedFrom });
    if (!this.#isScheduled) this.#schedule();
    void this.settle();
  }

  /** Draws everything again without a frame, so that no script runs. */
  #unframe(sentence: string): void {
    this.#showing = { ...this.#showing, frame: null };
    this.#dropFrame();
    this.#restart(Infinity);
    this.#content.append(note(sentence));
  }

  #dropFrame(): void {
    this.#frame?.dispose();
    this.#frame = null;
    this.#sheet.framedFrom = Infinity;
  }

  /** Appends an element of the page: before the frame if its item is, else below it. */
  #put(element: HTMLElement): void {
    if (this.#frame !== null && !this.#isFramed) this.#frame.element.before(element);
    else this.#content.append(element);
  }

  #showMore(): void {
    this.#sheet.pages += 1;
    if (!this.#isScheduled) this.#schedule();
  }

  /** Removes everything from the page, but keeps the height, so that nothing below moves. */
  #clear(): void {
    // To measure nothing would cost a layout of the page for each of its cells.
    const isEmpty = !this.#content.hasChildNodes();
    if (!isEmpty) this.element.style.minHeight = `${this.element.offsetHeight}px`;
    // A frame that leaves the page for a moment loads anew: what its scripts have loaded would go.
    for (const shown of [...this.#content.children]) {
      if (shown !== this.#frame?.element) shown.remove();
    }
    this.#overflow.show(null);
    this.#sheet = new Sheet();
    this.#isStale = false;
    if (this.#frame === null) return;
    this.#frame.clear();
    if (framesScripts(this.#showing)) this.#sheet.framedFrom = 0;
  }
}
