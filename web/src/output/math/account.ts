/** What the formulas of one output cost together. */

/** Tokens of all formulas that an output shows: about ten seconds of work, and a million nodes. */
export const MOST_IN_OUTPUT = 200_000;

/** The formulas of one output, and the tokens of which they consist. */
export class Account {
  #tokens = 0;
  readonly #costs = new Map<Element, number>();
  /** Whether the reader has been told that there are too many. */
  isTold = false;

  get isUsedUp(): boolean {
    return this.#tokens >= MOST_IN_OUTPUT;
  }

  add(formula: Element, tokens: number): void {
    this.#tokens += tokens;
    this.#costs.set(formula, tokens);
  }

  /** Makes room for others in the place of formulas that are no longer shown, or counted elsewhere. */
  reclaim(): void {
    const isUnshown = this === unshown;
    for (const [formula, tokens] of this.#costs) {
      if (formula.isConnected !== isUnshown) continue;
      this.#tokens -= tokens;
      this.#costs.delete(formula);
      if (isUnshown) accountAround(formula).add(formula, tokens);
    }
    if (!this.isUsedUp) this.isTold = false;
  }
}

/** For what is not on the page: labels of controls that are being made, or output that never is shown. */
const unshown = new Account();
const accounts = new WeakMap<Node, Account>();

/**
 * The account of the output around `element`, or of its root where it is in none; one for all that is
 * not on the page.
 *
 * The outermost one counts: programs can give their HTML the class of an output.
 */
export function accountAround(element: Element): Account {
  if (!element.isConnected) return unshown;
  let output: Node = element.getRootNode();
  for (let around = outputAround(element); around; around = outputAround(around.parentElement)) {
    output = around;
  }
  const account = accounts.get(output) ?? new Account();
  accounts.set(output, account);
  return account;
}

function outputAround(element: Element | null): Element | null {
  return element?.closest(".sagecell_sessionOutput") ?? null;
}
