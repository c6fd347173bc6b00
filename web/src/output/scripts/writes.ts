/** `document.write` in a complete document, which a browser would empty first. */

const NAMES = ["open", "write", "writeln", "close"] as const;

/** Makes `document.write` call `write`; the result restores it. */
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
