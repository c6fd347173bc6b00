/**
 * Bounds on the macros that formulas define.
 *
 * KaTeX bounds the number of expansions, but not what they expand to: a few long macros, or arguments
 * that are repeated, make millions of tokens.
 */

import { type Macros, newMacros } from "./dialect";

/** Macros that formulas may define, and the tokens in them; beyond, all of them are forgotten. */
const MOST_MACROS = 1000;
const MOST_STORED = 100_000;

/** Tokens as KaTeX stores them: the last one first. */
type Tokens = readonly { readonly text: string }[];

/** A macro as KaTeX stores it. */
interface Definition {
  readonly tokens: Tokens;
  readonly numArgs: number;
  readonly delimiters?: readonly (readonly string[])[];
  /** Set by \let for what is no macro. */
  readonly unexpandable?: boolean;
}

interface Expander {
  consumeArgs(count: number, delimiters?: Definition["delimiters"]): readonly Tokens[];
}

/** Thrown when the macros of a formula expand to more than is left for it. */
export class ExpansionError extends Error {}

/** The macros of all formulas so far, as MathJax has them, with a bound on their expansion. */
export class BoundedMacros {
  #macros = this.#fresh();
  #stored = 0;
  #left = 0;

  /** The macros for a formula that may expand them to `most` tokens. */
  within(most: number): Macros {
    if (Object.keys(this.#macros).length > MOST_MACROS || this.#stored > MOST_STORED) {
      this.#macros = this.#fresh();
      this.#stored = 0;
    }
    this.#left = most;
    return this.#macros;
  }

  /** Tokens that are left for the formula. */
  get left(): number {
    return this.#left;
  }

  #fresh(): Macros {
    return new Proxy(newMacros(), {
      set: (macros, name: string, value: Macros[string]) => {
        macros[name] = isDefinition(value) ? this.#bounded(value) : value;
        return true;
      },
    });
  }

  #bounded({ tokens, numArgs, delimiters }: Definition): Macros[string] {
    this.#stored += tokens.length;
    return (expander: object): Definition => {
      const args = (expander as Expander).consumeArgs(numArgs, delimiters);
      return {
        tokens: numArgs === 0 ? this.#spend(tokens) : this.#paste(tokens, args),
        numArgs: 0,
      };
    };
  }

  /** The tokens of a macro with its arguments in place. */
  #paste(body: Tokens, args: readonly Tokens[]): Tokens {
    const pieces: Tokens[] = [];
    for (let at = body.length - 1; at >= 0; at -= 1) {
      let piece: Tokens = body.slice(at, at + 1);
      if (piece[0]?.text === "#") {
        const next = body[at - 1]?.text ?? "";
        const arg = args[Number(next) - 1];
        // KaTeX refuses what remains of a "#" without a valid number.
        if (arg !== undefined || next === "#") at -= 1;
        piece = arg ?? piece;
      }
      pieces.push(this.#spend(piece));
    }
    return pieces.reverse().flat();
  }

  #spend(tokens: Tokens): Tokens {
    this.#left -= tokens.length;
    if (this.#left < 0) throw new ExpansionError("too many tokens");
    return tokens;
  }
}

/** Whether KaTeX would paste the tokens of `value`; what \let stores for a character stays as it is. */
function isDefinition(value: unknown): value is Definition {
  const tokens = (value as Partial<Definition> | null)?.tokens;
  return Array.isArray(tokens) && (value as Definition).unexpandable !== true;
}
