/** Text from stdout or stderr, whose last line can still be overwritten. */

import { AnsiParser, type Run, type Style, PLAIN, nodeFor } from "./ansi";

/** Characters of the last line that can be overwritten; a longer line becomes final. */
const REACH = 10_000;

/** Control characters that are ignored. */
const SILENT = /[\0-\x07\v\f\x0e-\x1a\x1c-\x1f\x7f]/g;

interface Cell {
  readonly text: string;
  readonly style: Style;
}

const BLANK: Cell = { text: " ", style: PLAIN };

/**
 * A terminal of unlimited size in which only the last line can change.
 *
 * Supports newline, carriage return, backspace and erase in line.
 */
export class Terminal {
  readonly #parser = new AnsiParser();
  #settled: Run[] = [];
  #line: Run[] = [];
  /** The characters of the last line in place of `#line`, once one was overwritten. */
  #cells: Cell[] | null = null;
  #lineLength = 0;
  /** Cells at the beginning of the line that are known to be erased. */
  #blanks = 0;
  /** The cursor: the index of a cell, or null for the end of the line. */
  #column: number | null = null;

  /** Writes text at the cursor. */
  write(text: string): void {
    for (const piece of this.#parser.parse(text)) {
      if ("erase" in piece) this.#erase(piece.erase);
      else this.#writeRun(piece.text.replace(SILENT, ""), piece.style);
    }
  }

  /** The runs that have become final since the last call. */
  takeSettled(): Run[] {
    const settled = this.#settled;
    this.#settled = [];
    return settled;
  }

  /** The last line, which can still change. */
  get openLine(): readonly Run[] {
    if (this.#cells !== null) {
      this.#line = [];
      for (const cell of this.#cells) append(this.#line, cell);
      this.#cells = null;
    }
    return this.#line;
  }

  #writeRun(text: string, style: Style): void {
    let from = 0;
    while (from < text.length) {
      const control = nextControl(text, from);
      if (control > from) this.#put(text.slice(from, control), style);
      if (text[control] === "\r") this.#carriageReturn();
      else if (text[control] === "\b") this.#backspace();
      from = control + 1;
    }
  }

  /** Writes text whose only control characters are newlines. */
  #put(text: string, style: Style): void {
    const first = text.indexOf("\n");
    if (first < 0) {
      this.#putInLine(text, style);
      return;
    }
    this.#putInLine(text.slice(0, first), style);
    const last = text.lastIndexOf("\n");
    this.#settleLine();
    this.#settled.push({ text: text.slice(first, last + 1), style });
    this.#putInLine(text.slice(last + 1), style);
  }

  #putInLine(text: string, style: Style): void {
    if (text === "") return;
    if (this.#column === null && this.#cells === null) {
      append(this.#line, { text, style });
      this.#lineLength += text.length;
    } else if (this.#column === 0 && this.#coversLine(text)) {
      this.#startLine([{ text, style }]);
      return;
    } else this.#overwrite(text, style);
    if (this.#column === null && this.#lineLength > REACH) this.#settleLine();
  }

  /** Writes characters one by one: the work for a short text must not grow with the line. */
  #overwrite(text: string, style: Style): void {
    const cells = this.#asCells();
    let column = this.#column ?? cells.length;
    this.#blanks = Math.min(this.#blanks, column);
    for (const character of text) {
      this.#lineLength += character.length - (cells[column]?.text.length ?? 0);
      cells[column] = { text: character, style };
      column += 1;
    }
    this.#column = column < cells.length ? column : null;
  }

  /** Whether `text` overwrites the whole line, as progress bars usually do. */
  #coversLine(text: string): boolean {
    return text.length >= this.#lineLength && !/[\ud800-\udfff]/.test(text);
  }

  #carriageReturn(): void {
    this.#column = this.#lineLength === 0 ? null : 0;
  }

  #backspace(): void {
    if (this.#lineLength === 0) return;
    this.#column = Math.max(0, (this.#column ?? this.#asCells().length) - 1);
  }

  #erase(part: "right" | "left" | "line"): void {
    const cells = this.#asCells();
    const column = this.#column ?? cells.length;
    if (part !== "left") {
      for (const { text } of cells.splice(column)) this.#lineLength -= text.length;
      this.#column = null;
    }
    this.#blanks = Math.min(this.#blanks, column);
    if (part === "right") return;
    for (; this.#blanks < column; this.#blanks += 1) {
      this.#lineLength += 1 - (cells[this.#blanks]?.text.length ?? 0);
      cells[this.#blanks] = BLANK;
    }
  }

  #settleLine(): void {
    for (const run of this.openLine) this.#settled.push(run);
    this.#startLine([]);
  }

  #startLine(line: Run[]): void {
    this.#line = line;
    this.#cells = null;
    this.#lineLength = line.reduce((length, run) => length + run.text.length, 0);
    this.#blanks = 0;
    this.#column = null;
  }

  #asCells(): Cell[] {
    this.#cells ??= this.#line.flatMap(({ text, style }) =>
      Array.from(text, (character) => ({ text: character, style })),
    );
    return this.#cells;
  }
}

/** Adds `run` to `line`, merged with the last run if that has the same style. */
function append(line: Run[], run: Run): void {
  const last = line.at(-1);
  if (last?.style === run.style) {
    line[line.length - 1] = { text: last.text + run.text, style: last.style };
  } else line.push(run);
}

/** The index of the next carriage return or backspace, or the length of the text. */
function nextControl(text: string, from: number): number {
  const control = /[\r\b]/g;
  control.lastIndex = from;
  return control.exec(text)?.index ?? text.length;
}

/** The element for a stream. */
export class StreamView {
  readonly element = document.createElement("pre");
  readonly #terminal = new Terminal();
  readonly #openLine = document.createElement("span");
  #size = 0;

  constructor(className: string) {
    this.element.className = className;
    this.element.append(this.#openLine);
  }

  /** Characters on the page, without those of the last line. */
  get size(): number {
    return this.#size;
  }

  /** Writes text, which may overwrite the last line. */
  write(text: string): void {
    this.#terminal.write(text);
    const settled = this.#terminal.takeSettled();
    if (settled.length > 0) {
      const nodes = document.createDocumentFragment();
      for (const run of settled) {
        this.#size += run.text.length;
        nodes.append(nodeFor(run));
      }
      this.element.insertBefore(nodes, this.#openLine);
    }
    this.#openLine.replaceChildren(...this.#terminal.openLine.map(nodeFor));
  }
}
