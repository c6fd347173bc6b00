/** The error boundary: failures are reported, and the rest of the page keeps working. */

/** Writes an error to the console; `context` is the failed action, such as "showing output". */
export function report(error: unknown, context: string): void {
  console.error(`sagecell-tx: error while ${context}:`, error);
}

/** Writes a sentence for the page's author to the console. */
export function warn(sentence: string): void {
  console.warn(`sagecell-tx: ${sentence}`);
}

/**
 * The result of `act`; undefined when it throws, which is reported.
 *
 * For calls to listeners, renderers and other code whose failure must not spread. The rejection of
 * a promise that `act` returns is not caught.
 */
export function guarded<T>(context: string, act: () => T): T | undefined {
  try {
    return act();
  } catch (error) {
    report(error, context);
    return undefined;
  }
}
