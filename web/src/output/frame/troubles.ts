/** Errors and blocked requests of scripts in output, as sentences for the reader. */

/** Sentences in one output. */
const MOST = 20;

/** Characters of an error's own message. */
const LONGEST = 300;

/** Browsers report this for layouts that take two frames. */
const HARMLESS = /^ResizeObserver loop/;

/** Icons of animation players; styles/frame.css has replacements. */
const SUPPLIED = /\/font-awesome\//;

/** What a directive blocks, by its first word. */
const THINGS = new Map([
  ["connect", "Data"],
  ["font", "A font"],
  ["frame", "A frame"],
  ["img", "A picture"],
  ["media", "Sound or film"],
  ["script", "A script"],
  ["style", "A style sheet"],
  ["worker", "A script"],
]);

/**
 * Calls `tell` once for each different error or blocked request in this window.
 *
 * The result reports a sentence of another kind in the same way.
 */
export function watchTroubles(
  window: Window,
  tell: (sentence: string) => void,
): (sentence: string) => void {
  const told = new Set<string>();
  const once = (sentence: string) => {
    if (told.has(sentence) || told.size >= MOST) return;
    told.add(sentence);
    tell(sentence);
  };
  window.addEventListener("error", ({ message }) => {
    if (!HARMLESS.test(message)) once(failure(message));
  });
  window.addEventListener("unhandledrejection", ({ reason }) => once(failure(reason)));
  window.document.addEventListener("securitypolicyviolation", (event) => {
    if (!SUPPLIED.test(event.blockedURI)) once(refusal(event));
  });
  return once;
}

function failure(reason: unknown): string {
  const message = words(reason).replace(/^Uncaught /, "");
  const shown = message.length > LONGEST ? `${message.slice(0, LONGEST)}…` : message;
  return `A script in this output failed: ${shown}`;
}

function refusal({
  blockedURI,
  effectiveDirective,
}: Pick<SecurityPolicyViolationEvent, "blockedURI" | "effectiveDirective">): string {
  const thing = THINGS.get(/^\w+/.exec(effectiveDirective)?.[0] ?? "") ?? "Something";
  const from = URL.canParse(blockedURI) ? new URL(blockedURI).host : "";
  const place = from === "" ? "" : ` from ${from.slice(0, LONGEST)}`;
  return `${thing}${place} was not loaded: this server does not let output ask for it.`;
}

/** Any value can be thrown, and its conversion to a string can throw as well. */
function words(reason: unknown): string {
  try {
    return String(reason);
  } catch {
    return "an error without words";
  }
}
