/** Where the server is, whose script this page has. */

const SCRIPT = /^.*?(?=(?:static\/)?embedded_sagecell.js)/;

/** The server's root, ending in a slash: told by the page, or found in its links and scripts. */
export function findRoot(told: unknown, page: Document): string {
  return secure(ending(absolute(named(told, page), page)));
}

function named(told: unknown, page: Document): string {
  if (typeof told === "string" && told !== "") return told;
  const link = lastOf(page.querySelectorAll<HTMLLinkElement>('link[property="sagecell-root"]'));
  if (link?.hasAttribute("href")) return link.href;
  const sources = Array.from(page.querySelectorAll<HTMLScriptElement>("script[src]"), (s) => s.src);
  const found = sources.map((source) => SCRIPT.exec(source)?.[0]).filter((root) => root);
  return found.at(-1) ?? page.baseURI;
}

function lastOf<T extends Element>(elements: NodeListOf<T>): T | undefined {
  return elements[elements.length - 1];
}

function absolute(address: string, page: Document): string {
  return URL.canParse(address, page.baseURI) ? new URL(address, page.baseURI).href : page.baseURI;
}

function ending(address: string): string {
  return address.endsWith("/") ? address : `${address}/`;
}

/** Old pages name SageMathCell's server without encryption, which newer pages may not ask. */
function secure(address: string): string {
  return address.replace(/^http:\/\/sagecell\.sagemath\.org\//, "https://sagecell.sagemath.org/");
}
