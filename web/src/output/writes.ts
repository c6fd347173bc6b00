/** What scripts write into a document that is complete: by itself, a browser would empty it first. */

const NAMES = ["open", "write", "writeln", "close"] as const;

/** From now on, `document.write` calls `write`; what this gives puts all back as it was. */
export function catchWrites(write: (text: string) => void): () => void {
  const before = NAMES.map((name) => Object.getOwnPropertyDescriptor(document, name));
  const caught: Record<(typeof NAMES)[number], unknown> = {
    open: () => document,
    write: (...texts: unknown[]) => write(texts.join("")),
    writeln: (...texts: unknown[]) => write(`${texts.join("")}\n`),
    close: () => undefined,
  };
  for (const name of NAMES) {
    Object.defineProperty(document, name, { value: caught[name], configurable: true });
  }
  return () => {
    NAMES.forEach((name, at) => {
      const own = before[at];
      if (own === undefined) Reflect.deleteProperty(document, name);
      else Object.defineProperty(document, name, own);
    });
  };
}
