/** Elements by selector, as jQuery finds them. */

type Find = (selector: string) => ArrayLike<HTMLElement>;

/**
 * The elements that match, in document order; none if the selector is malformed.
 *
 * Pages for SageMathCell use selectors of jQuery that are not CSS: `#67490a`, `.compute:first`.
 */
export function select(selector: string): HTMLElement[] {
  for (const find of [native, jQuerys, withDigits]) {
    try {
      return Array.from(find(selector));
    } catch {
      // Malformed for this one.
    }
  }
  return [];
}

const native: Find = (selector) => document.querySelectorAll<HTMLElement>(selector);

/** Only selects: unlike `$`, it makes no elements from HTML. */
const jQuerys: Find = (selector) => {
  const { jQuery } = window as { jQuery?: { find?: unknown } };
  if (typeof jQuery?.find !== "function") throw new TypeError("no jQuery");
  return (jQuery.find as Find)(selector);
};

/** For pages that have removed jQuery: ids and classes may begin with a digit. */
const withDigits: Find = (selector) => native(selector.replace(/([#.]-?)(\d)/g, "$1\\3$2 "));
