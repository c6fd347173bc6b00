/** What goes wrong in scripts of a program's output, in words. */

/** Sentences that an output shows. */
const MOST = 20;

/** Characters of an error's own message. */
const LONGEST = 300;

/** Browsers say so of layouts that take two frames; nothing is wrong. */
const HARMLESS = /^ResizeObserver loop/;

/** Icons of players, which styles/frame.css has as well. */
const SUPPLIED = /\/font-awesome\//;

/** What is not loaded, by the first word of the directive that holds it back. */
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
 * Calls `tell` with a sentence for each kind of trouble in this window, once.
 *
 * What it gives does so with troubles of other kinds.
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

/** What was thrown may be anything, and even its conversion to text may throw. */
function words(reason: unknown): string {
  try {
    return String(reason);
  } catch {
    return "an error without words";
  }
}
