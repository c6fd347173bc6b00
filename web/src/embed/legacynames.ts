/** Names from earlier versions of SageMathCell, defined so that old pages do not fail. */

/** Adds the names to `sagecell`, except those that are defined; `init` calls back when parsed. */
export function addLegacyNames(
  sagecell: Record<string, unknown>,
  whenParsed: (act: () => void) => void,
): void {
  const nothing = () => undefined;
  const names: Record<string, unknown> = {
    init: (callback?: unknown) => {
      if (typeof callback !== "function") return;
      const act = callback as () => void;
      whenParsed(() => act());
    },
    sendRequest: nothing,
    // Each of its properties is a function that does nothing.
    functions: new Proxy({}, { get: () => nothing }),
  };
  for (const [name, value] of Object.entries(names)) sagecell[name] ??= value;
  if (!("jQuery" in sagecell)) {
    Object.defineProperty(sagecell, "jQuery", {
      get: () => (window as { jQuery?: unknown }).jQuery,
      configurable: true,
      enumerable: true,
    });
  }
  (window as { sagecell_dependencies?: unknown }).sagecell_dependencies ??= [];
}
