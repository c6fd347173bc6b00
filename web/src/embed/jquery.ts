/**
 * jQuery for pages that have none.
 *
 * Pages for SageMathCell use `$` directly after the script, so jQuery is there when the script has
 * ended, also if that was added by another script or is `async` or `defer`. Only where the page's
 * policy forbids that, it comes later, but before the script's own `load` event.
 */

import { report } from "../dom/errors";

/** What loading jQuery needs. */
export interface JQueryOptions {
  readonly document: Document;
  /** Whether `window.jQuery` exists now. */
  readonly isThere: () => boolean;
  /** Requests a text synchronously. Throws if the page's policy or the network does not allow it. */
  readonly request: (address: string) => string;
  /** Whether the network is 2G. There Chromium does not run what `document.write` adds. */
  readonly is2G: boolean;
}

/** Whether the script's element declines jQuery, with `data-jquery="none"`. */
export function isDeclined(document: Document): boolean {
  return current(document)?.dataset["jquery"] === "none";
}

/** Loads jQuery from `address`. */
export function loadJQuery(address: string, options: JQueryOptions): void {
  const { document, isThere, is2G } = options;
  const own = current(document);
  if (!is2G && own !== null && isParserWaitingFor(own) && wasWritten(address, own)) return;
  if (wasRun(address, own, options) && isThere()) return;
  try {
    const script = scriptLike(own, document);
    script.src = address;
    script.async = false;
    if (own !== null) holdBack(own, script);
    document.head.append(script);
  } catch (error) {
    report(error, "loading jQuery"); // Cells work without it.
  }
}

function current({ currentScript }: Document): HTMLScriptElement | null {
  return currentScript instanceof HTMLScriptElement ? currentScript : null;
}

/** Only then does `document.write` add to the page; without `src` it could replace the page. */
function isParserWaitingFor({ src, async, defer, ownerDocument }: HTMLScriptElement): boolean {
  return ownerDocument.readyState === "loading" && src !== "" && !async && !defer;
}

/** Lets the parser run jQuery next; false if it does not, as for a script that a script has added. */
function wasWritten(address: string, own: HTMLScriptElement): boolean {
  const { ownerDocument } = own;
  const script = scriptLike(own, ownerDocument);
  script.src = address;
  const before = ownerDocument.scripts.length;
  try {
    // Nothing else adds a script that the next one can rely on.
    // eslint-disable-next-line @typescript-eslint/no-deprecated
    ownerDocument.write(script.outerHTML);
  } catch {
    return false; // XHTML, or Trusted Types.
  }
  return ownerDocument.scripts.length > before;
}

/** Runs jQuery at once as an inline script; false if it cannot be requested. */
function wasRun(
  address: string,
  own: HTMLScriptElement | null,
  { document, request }: JQueryOptions,
): boolean {
  try {
    const script = scriptLike(own, document);
    script.textContent = request(address);
    document.head.append(script);
    script.remove();
    return true;
  } catch {
    return false; // The page's policy; the caller loads it in another way.
  }
}

/** A script element that the page's policy allows if it allowed `own`. */
function scriptLike(own: HTMLScriptElement | null, document: Document): HTMLScriptElement {
  const script = document.createElement("script");
  for (const name of ["crossorigin", "referrerpolicy"]) {
    const value = own?.getAttribute(name);
    if (typeof value === "string") script.setAttribute(name, value);
  }
  // Browsers hide the attribute of an element on the page.
  if (own?.nonce) script.setAttribute("nonce", own.nonce);
  return script;
}

/** Delays the `load` event of `own`, whose listeners may use jQuery, until `script` has run. */
function holdBack(own: HTMLScriptElement, script: HTMLScriptElement): void {
  const { ownerDocument } = own;
  const hold = (event: Event) => {
    if (event.target !== own) return;
    ownerDocument.removeEventListener("load", hold, true);
    event.stopImmediatePropagation();
    const release = () => own.dispatchEvent(new Event("load"));
    script.addEventListener("load", release, { once: true });
    script.addEventListener("error", release, { once: true });
  };
  ownerDocument.addEventListener("load", hold, true);
}
