/** Links in a frame, whose sandbox allows no new tabs. */

/** Calls `follow` with the addresses of clicked links; fragments are scrolled to. */
export function catchLinks(body: HTMLElement, follow: (address: string) => void): void {
  const page = body.ownerDocument;
  body.addEventListener("click", (event) => {
    if (event.defaultPrevented) return;
    const link = event.composedPath().find(isLink);
    if (link === undefined) return;
    const { href } = link;
    // Fragments would be resolved against the <base>, which is the address of the files.
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
