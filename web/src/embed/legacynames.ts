/** Names that SageMathCell had once: pages that still call them come to no harm. */

/** Adds them to `sagecell`; what is there already stays. */
export function addElders(
  sagecell: Record<string, unknown>,
  whenParsed: (act: () => void) => void,
): void {
  const nothing = () => undefined;
  const elders: Record<string, unknown> = {
    init: (callback?: unknown) => {
      if (typeof callback !== "function") return;
      const act = callback as () => void;
      whenParsed(() => act());
    },
    sendRequest: nothing,
    // Whatever of it a page calls, it is a function that does nothing.
    functions: new Proxy({}, { get: () => nothing }),
  };
  for (const [name, value] of Object.entries(elders)) sagecell[name] ??= value;
  if (!("jQuery" in sagecell)) {
    Object.defineProperty(sagecell, "jQuery", {
      get: () => (window as { jQuery?: unknown }).jQuery,
      configurable: true,
      enumerable: true,
    });
  }
  (window as { sagecell_dependencies?: unknown }).sagecell_dependencies ??= [];
}
