/** The permalink of a cell's program. */

import type { PermalinkWish } from "../protocol/messages";
import type { KeptProgram } from "./server";

/** The program that the server has stored last for a cell, and its id. */
export class Permalink {
  #stored: { readonly program: KeptProgram; readonly id: string } | null = null;

  /** The server has stored `program`; an empty id says that it has not. */
  stored(program: KeptProgram, id: string): void {
    if (id !== "") this.#stored = { program, id };
  }

  /** The id of the permalink that has exactly this program; empty for none. */
  idOf({ code, language, interacts }: KeptProgram): string {
    if (this.#stored === null) return "";
    const { program, id } = this.#stored;
    const isSame =
      code === program.code && language === program.language && interacts === program.interacts;
    return isSame ? id : "";
  }

  /** What the request that runs `sent` asks of the server; null if there is a permalink already. */
  wishFor(program: KeptProgram, sent: string): PermalinkWish | null {
    if (this.idOf(program) !== "") return null;
    const { code, interacts } = program;
    return { ...(code !== sent && { code }), ...(interacts !== "[]" && { interacts }) };
  }
}
