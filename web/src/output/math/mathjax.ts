/** The page's own MathJax: version 2, or 3 and later, loaded or still loading. */

interface Modern {
  typesetPromise(elements: readonly HTMLElement[]): Promise<unknown>;
}

interface Starting {
  readonly startup?: { readonly promise?: Promise<unknown> };
}

interface Hub {
  Queue(call: readonly unknown[]): void;
}

/** Whether the page has MathJax; its configuration alone means that the script is loading. */
export function hasMathJax(): boolean {
  const found = mathJax();
  return typeof found === "object" && found !== null;
}

/**
 * Typesets `elements`, whose text is TeX between \( \) or \[ \], once MathJax has loaded.
 *
 * Fulfilled with false when MathJax did not load; rejects when MathJax fails.
 */
export async function typesetByPage(elements: readonly HTMLElement[]): Promise<boolean> {
  if (hub() === null && modern() === null) await pageLoaded();
  const version2 = hub();
  if (version2 !== null) {
    for (const element of elements) version2.Queue(["Typeset", version2, element]);
    return true;
  }
  await (mathJax() as Starting | undefined)?.startup?.promise;
  const page = modern();
  return page !== null && typesetInTurn(page, elements);
}

let turn: Promise<unknown> = Promise.resolve();

/** One call at a time, because MathJax does not support concurrent calls. */
function typesetInTurn(page: Modern, elements: readonly HTMLElement[]): Promise<boolean> {
  const done = turn.then(async () => {
    await page.typesetPromise(elements.filter(({ isConnected }) => isConnected));
    return true;
  });
  turn = done.catch(() => undefined);
  return done;
}

function mathJax(): unknown {
  return (window as { MathJax?: unknown }).MathJax;
}

function hub(): Hub | null {
  const found = (mathJax() as { Hub?: Partial<Hub> } | undefined)?.Hub;
  return typeof found?.Queue === "function" ? (found as Hub) : null;
}

function modern(): Modern | null {
  const found = mathJax() as Partial<Modern> | undefined;
  return typeof found?.typesetPromise === "function" ? (found as Modern) : null;
}

function pageLoaded(): Promise<void> {
  if (document.readyState === "complete") return Promise.resolve();
  return new Promise((resolve) => {
    window.addEventListener("load", () => resolve(), { once: true });
  });
}
