/** Finds the address of the server from which the page has loaded the script. */

const SCRIPT = /^.*?(?=(?:static\/)?embedded_sagecell.js)/;

/**
 * The server's base address, which ends in a slash.
 *
 * It is the first of these that exists: `configured`, the last <link property="sagecell-root">, the
 * address of the last script embedded_sagecell.js, the page's own base.
 */
export function findRoot(configured: unknown, page: Document): string {
  return secure(ending(absolute(named(configured, page), page)));
}

function named(configured: unknown, page: Document): string {
  if (typeof configured === "string" && configured !== "") return configured;
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

/** Old pages name SageMathCell's server with http://, which pages on HTTPS must not load. */
function secure(address: string): string {
  return address.replace(/^http:\/\/sagecell\.sagemath\.org\//, "https://sagecell.sagemath.org/");
}
