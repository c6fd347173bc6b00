/** Links in a frame, which has no way out of its own. */

/** Hands addresses of links that are clicked to `follow`; those within the page lead there. */
export function catchLinks(body: HTMLElement, follow: (address: string) => void): void {
  const page = body.ownerDocument;
  body.addEventListener("click", (event) => {
    if (event.defaultPrevented) return;
    const link = event.composedPath().find(isLink);
    if (link === undefined) return;
    const { href } = link;
    // Names of a place in the output; by itself, a browser would look for it among the files.
    const name = link.getAttribute("href") ?? link.getAttribute("xlink:href") ?? "";
    if (/^javascript:/i.test(name.trim())) return;
    event.preventDefault();
    if (name.startsWith("#")) page.getElementById(decoded(name.slice(1)))?.scrollIntoView();
    else follow(typeof href === "string" ? href : new URL(href.baseVal, page.baseURI).href);
  });
}

type Link = HTMLAnchorElement | HTMLAreaElement | SVGAElement;

function isLink(target: EventTarget): target is Link {
  return target instanceof Element && target.matches("a[href], area[href], a[*|href]");
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
