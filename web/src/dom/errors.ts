/** The error boundary: what fails is reported, and everything else goes on. */

/** Tells the page's console of an error; `context` says what was being done: "showing output". */
export function report(error: unknown, context: string): void {
  console.error(`sagecell-tx, ${context}:`, error);
}

/**
 * What `act` gives; undefined when it throws, which is reported.
 *
 * For calls to listeners, renderers and other code that this page should survive. A promise that
 * `act` gives may still be rejected.
 */
export function guarded<T>(context: string, act: () => T): T | undefined {
  try {
    return act();
  } catch (error) {
    report(error, context);
    return undefined;
  }
}
