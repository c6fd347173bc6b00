/** A position in the chunks of a stream. */

/** Reads a growing list of chunks from the beginning. */
export class Cursor {
  #chunk = 0;
  #character = 0;

  /** The next `room` characters, or one more so that no surrogate pair is split. */
  read(chunks: readonly string[], room: number): string {
    const parts: string[] = [];
    let left = room;
    for (let chunk = chunks[this.#chunk]; left > 0 && chunk !== undefined;) {
      let end = Math.min(chunk.length, this.#character + left);
      if (end < chunk.length && /[\ud800-\udbff]/.test(chunk[end - 1] ?? "")) end += 1;
      parts.push(chunk.slice(this.#character, end));
      left -= end - this.#character;
      this.#character = end;
      if (end < chunk.length) break;
      this.#chunk += 1;
      this.#character = 0;
      chunk = chunks[this.#chunk];
    }
    return parts.join("");
  }

  /** Whether all of `chunks` has been read. */
  isAtEnd(chunks: readonly string[]): boolean {
    return this.#chunk >= chunks.length;
  }
}
