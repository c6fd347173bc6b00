/** Typesetting with KaTeX; loaded on demand. */

import katex from "katex";
import "katex/dist/katex.min.css";

import { guarded } from "../../dom/errors";
import { type Account, accountAround } from "./account";
import { supported } from "./dialect";
import { BoundedMacros, ExpansionError } from "./expansion";
import { LONGEST } from "./math";

/** Tokens to which the macros of one formula may expand. */
const MOST_EXPANDED = 20_000;

/** Tokens that stand for the work of typesetting the shortest formula. */
const LEAST_COST = 20;

/** Tokens that are typeset before the page gets a turn. */
const TURN = 2000;

const TOO_LONG = "This formula is too long to be typeset.";
const TOO_DEEP = "This formula is nested too deeply to be typeset.";
const EXPANDED = "The macros of this formula expand to more than can be typeset.";
const TOO_MANY = "The formulas from here on are not typeset: this output has too many.";

/** The macros of all formulas on the page so far. */
const macros = new BoundedMacros();

/** Fulfilled when all formulas so far are typeset: in their order, since macros are defined first. */
let line: Promise<void> = Promise.resolve();

/** Typesets placeholders of `typeset.ts` in one output; the page gets a turn now and then. */
export function typesetAll(elements: readonly HTMLElement[]): void {
  const isShown = elements.some((element) => element.isConnected);
  line = line.then(async () => {
    const [first] = elements;
    if (first === undefined) return;
    const account = accountAround(first);
    if (account.isUsedUp) account.reclaim();
    let work = 0;
    for (const element of elements) {
      if (isShown && !element.isConnected) continue; // The output was cleared meanwhile.
      if (work >= TURN) {
        await new Promise((resolve) => setTimeout(resolve));
        work = 0;
      }
      work += guarded("typesetting a formula", () => typesetFor(account, element)) ?? LEAST_COST;
    }
  });
}

/** Typesets a formula at the expense of its output; the tokens of which it consists. */
function typesetFor(account: Account, element: HTMLElement): number {
  if (account.isUsedUp) {
    if (account.isTold) delete element.dataset["tex"];
    else refuse(element, TOO_MANY);
    account.isTold = true;
    return 0;
  }
  const tokens = typeset(element);
  account.add(element, tokens);
  return tokens;
}

/**
 * Replaces the TeX in a placeholder by the formula; ignores other elements.
 *
 * The result is the number of tokens of which it consists. What cannot be set stays as it was written,
 * with a word why if it is too much.
 */
export function typeset(element: HTMLElement): number {
  const tex = element.dataset["tex"];
  if (tex === undefined) return 0;
  if (tex.length > LONGEST) {
    refuse(element, TOO_LONG);
    return LEAST_COST;
  }
  delete element.dataset["tex"];
  const source = element.textContent;
  try {
    render(tex, element);
  } catch (error) {
    element.textContent = source;
    if (error instanceof ExpansionError) refuse(element, EXPANDED);
    else if (error instanceof RangeError)
      refuse(element, TOO_DEEP); // The stack was too small.
    else throw error;
  }
  return LEAST_COST + tex.length + MOST_EXPANDED - Math.max(0, macros.left);
}

function render(tex: string, element: HTMLElement): void {
  const displayMode = element.classList.contains("sagecell_math_display");
  katex.render(supported(tex, displayMode), element, {
    displayMode,
    throwOnError: false,
    errorColor: "currentColor",
    strict: "ignore",
    trust: false,
    maxSize: 50,
    maxExpand: 1000,
    macros: macros.within(MOST_EXPANDED),
    // What a formula defines, later ones can use.
    globalGroup: true,
  });
  const unset = element.firstElementChild;
  if (!(unset instanceof HTMLElement) || !unset.classList.contains("katex-error")) return;
  if (unset.title.includes("Too many expansions")) throw new ExpansionError(unset.title);
  unset.textContent = tex;
}

/** Leaves a formula as its source, with a word why. */
function refuse(element: HTMLElement, sentence: string): void {
  delete element.dataset["tex"];
  const words = document.createElement("span");
  words.className = "sagecell_note";
  words.textContent = ` (${sentence})`;
  element.append(words);
}
