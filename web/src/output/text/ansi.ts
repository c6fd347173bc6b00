/**
 * Parses text with ANSI escape sequences into runs of plain text in one style each.
 *
 * Of the control functions of ECMA-48, select graphic rendition (SGR) and erase in line (EL) are
 * supported; all others, and operating system commands (OSC), are removed.
 */

import { type Colour, NAMES, blackOrWhite, css, indexed, legible } from "./colour";

/** The rendition of a run; a missing property has the terminal's default. */
export interface Style {
  readonly foreground?: Colour;
  readonly background?: Colour;
  readonly bold?: true;
  readonly faint?: true;
  readonly italic?: true;
  readonly underline?: true;
  readonly strike?: true;
  readonly reverse?: true;
}

/** The default style; runs are compared by identity, so there is only one. */
export const PLAIN: Style = Object.freeze({});

/** Text in one style, without escape sequences. */
export interface Run {
  readonly text: string;
  readonly style: Style;
}

/** A run, or the erasure of a part of the line relative to the cursor. */
export type Piece = Run | { readonly erase: "right" | "left" | "line" };

/** An escape sequence at `lastIndex`: CSI, OSC, another control string, or a short one. */
const SEQUENCE =
  /\x1b(?:\[([0-?]*)[ -/]*([@-~])|\][^\x07\x1b]*(?:\x07|\x1b\\)|[PX^_][^\x1b]*\x1b\\|[ -/]*[0-OQ-WYZ`-~])/y;

/** The beginning of an escape sequence whose end has not arrived yet. */
const UNFINISHED = /^\x1b(?:\[[0-?]*[ -/]*|[\]PX^_][^\x07\x1b]*\x1b?|[ -/]*)$/;

/** Characters of a sequence at most, so that the text that waits for its end is bounded. */
const LONGEST = 4096;

/** An incremental parser: style and incomplete sequences carry over between calls. */
export class AnsiParser {
  #style: Style = PLAIN;
  #waiting = "";

  /** The pieces of `text`; an incomplete sequence at its end waits for the next call. */
  parse(text: string): Piece[] {
    const input = this.#waiting + text;
    this.#waiting = "";
    const pieces: Piece[] = [];
    let from = 0;
    for (let at = input.indexOf("\x1b"); at >= 0; at = input.indexOf("\x1b", from)) {
      this.#emit(pieces, input.slice(from, at));
      SEQUENCE.lastIndex = at;
      const found = SEQUENCE.exec(input);
      if (found !== null) {
        this.#apply(pieces, found[1] ?? "", found[2] ?? "");
        from = SEQUENCE.lastIndex;
      } else if (input.length - at < LONGEST && UNFINISHED.test(input.slice(at))) {
        this.#waiting = input.slice(at);
        return pieces;
      } else {
        from = at + 1;
      }
    }
    this.#emit(pieces, input.slice(from));
    return pieces;
  }

  #emit(pieces: Piece[], text: string): void {
    if (text !== "") pieces.push({ text, style: this.#style });
  }

  #apply(pieces: Piece[], parameters: string, final: string): void {
    if (final === "m") this.#style = restyle(this.#style, parameters);
    else if (final === "K") {
      pieces.push({ erase: parameters === "1" ? "left" : parameters === "2" ? "line" : "right" });
    }
  }
}

/** `text` without escape sequences. */
export function withoutAnsi(text: string): string {
  if (!text.includes("\x1b")) return text;
  return new AnsiParser()
    .parse(text)
    .map((piece) => ("text" in piece ? piece.text : ""))
    .join("");
}

/** `style` after an SGR sequence with these parameters. */
function restyle(style: Style, parameters: string): Style {
  const codes = parameters.split(/[;:]/).map((code) => (code === "" ? 0 : Number(code)));
  let next: { -readonly [key in keyof Style]?: Style[key] } = { ...style };
  let i = 0;
  for (let code = codes[i]; code !== undefined; code = codes[(i += 1)]) {
    if (code === 0) next = {};
    else if (code === 1) next.bold = true;
    else if (code === 2) next.faint = true;
    else if (code === 3) next.italic = true;
    else if (code === 4) next.underline = true;
    else if (code === 7) next.reverse = true;
    else if (code === 9) next.strike = true;
    else if (code === 22) {
      delete next.bold;
      delete next.faint;
    } else if (code === 23) delete next.italic;
    else if (code === 24) delete next.underline;
    else if (code === 27) delete next.reverse;
    else if (code === 29) delete next.strike;
    else if (code >= 30 && code <= 37) next.foreground = { index: code - 30 };
    else if (code === 39) delete next.foreground;
    else if (code >= 40 && code <= 47) next.background = { index: code - 40 };
    else if (code === 49) delete next.background;
    else if (code >= 90 && code <= 97) next.foreground = { index: code - 82 };
    else if (code >= 100 && code <= 107) next.background = { index: code - 92 };
    else if (code === 38 || code === 48) {
      const [colour, used] = extended(codes.slice(i + 1));
      if (colour !== null) next[code === 38 ? "foreground" : "background"] = colour;
      i += used;
    }
  }
  return Object.keys(next).length === 0 ? PLAIN : next;
}

/** The colour for `5;n` or `2;r;g;b` (null if invalid), and the number of codes used. */
function extended(codes: readonly number[]): [Colour | null, number] {
  const isByte = (value: number | undefined): value is number =>
    value !== undefined && value >= 0 && value <= 255;
  const [kind, ...rest] = codes;
  if (kind === 5) return [isByte(rest[0]) ? indexed(rest[0]) : null, 2];
  if (kind === 2) {
    const [r, g, b] = rest;
    return [isByte(r) && isByte(g) && isByte(b) ? { rgb: [r, g, b] } : null, 4];
  }
  return [null, codes.length];
}

/** The DOM node for a run: text alone if it is plain, otherwise a <span>. */
export function nodeFor({ text, style }: Run): Node {
  const node = document.createTextNode(text);
  if (Object.keys(style).length === 0) return node;
  const span = document.createElement("span");
  if (style.bold) span.classList.add("ansi-bold");
  if (style.faint) span.classList.add("ansi-faint");
  if (style.italic) span.classList.add("ansi-italic");
  if (style.underline) span.classList.add("ansi-underline");
  if (style.strike) span.classList.add("ansi-strike");
  paint(span, style);
  span.append(node);
  return span;
}

function paint(span: HTMLElement, style: Style): void {
  const [foreground, background] = style.reverse
    ? [style.background, style.foreground]
    : [style.foreground, style.background];
  const onInk = style.reverse === true && background === undefined;
  if (onInk) span.classList.add("ansi-default-inverse-bg");
  if (background && "index" in background) span.classList.add(`${className(background.index)}-bg`);
  if (background && "rgb" in background) span.style.backgroundColor = css(background.rgb);

  if (foreground && "index" in foreground) {
    // The theme's tints are pale by day and dark by night: black and white mean the text colour.
    const isInk = background && "index" in background && (foreground.index % 8) % 7 === 0;
    if (!isInk) span.classList.add(`${className(foreground.index)}-fg`);
  } else if (foreground && (onInk || (background && "rgb" in background))) {
    // On a background that the program chose, its colour is used as it is.
    ink(span, { light: css(foreground.rgb), dark: css(foreground.rgb) });
  } else if (foreground) ink(span, legible(foreground.rgb));
  else if (onInk) span.classList.add("ansi-default-inverse-fg");
  else if (background && "rgb" in background) {
    const either = css(blackOrWhite(background.rgb));
    ink(span, { light: either, dark: either });
  }
}

function ink(span: HTMLElement, { light, dark }: { light: string; dark: string }): void {
  span.classList.add("ansi-rgb-fg");
  span.style.setProperty("--on-light", light);
  span.style.setProperty("--on-dark", dark);
}

function className(index: number): string {
  return `ansi-${NAMES[index % 8] ?? ""}${index < 8 ? "" : "-intense"}`;
}
