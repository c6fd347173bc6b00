/**
 * Pictures, sounds and frames in HTML output: those that are files of the program, and those that
 * do not load.
 *
 * The server has a file only when the program that wrote it has ended, often after the page has
 * tried to load it. So `retryFiles` loads those again that are missing.
 */

import { note } from "../dom/elements";

/** The address of a file of the kernel, named as after `cell://`; null for an invalid name. */
export type FileAddress = (name: string) => string | null;

/** A file's name in HTML. */
interface FileName {
  readonly name: string;
  /** Empty, or the part of the address from `#` on. */
  readonly fragment: string;
}

/** Characters of a name in a note. */
const LONGEST_NAME = 100;

const LOADED = "img, video, audio, source, iframe";

/** Elements that show a file of the program, and whether it was there to be loaded. */
const files = new WeakMap<Element, { isExpected: boolean }>();

/** The notes about elements that were not loaded. */
const notes = new WeakMap<Element, HTMLElement>();

/** The name in `cell://name` or in a relative address; null for other addresses. */
function fileName(address: string): FileName | null {
  const trimmed = address.trim();
  const named = /^cell:\/\/(.*)$/is.exec(trimmed)?.[1];
  if (named !== undefined) return { name: named, fragment: "" };
  if (trimmed === "" || /^(?:[a-z][a-z\d+.-]*:|[/\\#?])/i.test(trimmed)) return null;
  const [, path = "", query = "", fragment = ""] =
    /^([^?#]*)(\?[^#]*)?(#.*)?$/s.exec(trimmed) ?? [];
  return { name: decoded(path.replace(/^(?:\.\/+)+/, "")) + query, fragment };
}

/** `path` without percent-encoding; as it is if it is a name with a percent sign. */
function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/** Makes `attribute` the address of the file that it names; removes it if no file has the name. */
export function refer(element: Element, attribute: string, fileAddress: FileAddress): void {
  const file = fileName(element.getAttribute(attribute) ?? "");
  if (file === null) return;
  const address = fileAddress(file.name);
  if (address === null) {
    element.removeAttribute(attribute);
    return;
  }
  element.setAttribute(attribute, address + file.fragment);
  if (attribute === "src") files.set(element, { isExpected: false });
}

/** Whether an element shows a file of the program. */
export function isFile(element: Element): boolean {
  return files.has(element);
}

/** Adds a note to each element in `box` that cannot be loaded. */
export function noteLosses(box: HTMLElement): void {
  whenLost(box, (element) => {
    if (files.get(element)?.isExpected !== false) addNote(element);
  });
}

/**
 * Loads pictures and recordings in an author's page from the program's files if the page has none
 * of that name; `base` is the address of these files.
 */
export function findFiles(box: HTMLElement, fileAddress: FileAddress, base: string): void {
  for (const element of box.querySelectorAll(LOADED)) {
    if (element.getAttribute("src")?.startsWith(base)) files.set(element, { isExpected: false });
  }
  whenLost(box, (element) => {
    const file = files.get(element);
    if (file === undefined) {
      refer(element, "src", fileAddress);
      if (files.has(element)) load(element);
    } else if (file.isExpected) addNote(element);
  });
}

/** Loads again the files in `root` that are missing, now that the program has written its files. */
export function retryFiles(root: HTMLElement): void {
  reload(root, () => true);
}

/** As `retryFiles`, for output that was drawn later; each element is tried only once. */
export function retryNewFiles(root: HTMLElement): void {
  reload(root, (isExpected) => !isExpected);
}

function reload(root: HTMLElement, isToTry: (isExpected: boolean) => boolean): void {
  for (const element of root.querySelectorAll(LOADED)) {
    const file = files.get(element);
    // A frame does not tell whether it has loaded: it is loaded once more.
    if (file === undefined || !isToTry(file.isExpected)) continue;
    if (hasLoaded(element, file.isExpected)) continue;
    file.isExpected = true;
    notes.get(element)?.remove();
    notes.delete(element);
    load(element);
  }
}

/** Errors of loading do not bubble. */
function whenLost(box: HTMLElement, act: (element: Element) => void): void {
  box.addEventListener(
    "error",
    ({ target }) => {
      if (!(target instanceof Element) || !target.matches(LOADED)) return;
      // The browser goes on to the next source.
      if (!target.matches("source:has(~ source)")) act(target);
    },
    true,
  );
}

/** Whether an element has loaded; `wasTried` if that was tried when its file was expected. */
function hasLoaded(element: Element, wasTried: boolean): boolean {
  if (element instanceof HTMLImageElement) return element.complete && element.naturalWidth > 0;
  const media = element.localName === "source" ? element.parentElement : element;
  if (media instanceof HTMLMediaElement) return media.readyState >= HTMLMediaElement.HAVE_METADATA;
  return wasTried;
}

function load(element: Element): void {
  if (element.localName === "source") {
    if (element.parentElement instanceof HTMLMediaElement) element.parentElement.load();
  } else element.setAttribute("src", element.getAttribute("src") ?? "");
}

function addNote(element: Element): void {
  if (notes.has(element)) return;
  const lost = note(describeLoss(element));
  notes.set(element, lost);
  const place = element.localName === "source" ? element.parentElement : element;
  place?.after(lost);
}

/** The sentence about an element that was not loaded. */
function describeLoss(element: Element): string {
  const address = element.getAttribute("src") ?? "";
  const url = URL.canParse(address, document.baseURI) ? new URL(address, document.baseURI) : null;
  if (files.has(element)) {
    const name = decoded(url?.pathname.replace(/^.*\/files\//, "") ?? address);
    return `The file ${shortened(name)} could not be loaded.`;
  }
  const kind = element instanceof HTMLImageElement ? "picture" : "recording";
  const isForeign = url !== null && url.host !== "" && url.origin !== location.origin;
  return isForeign
    ? `A ${kind} from ${shortened(url.host)} is not shown.`
    : `A ${kind} in this output could not be loaded.`;
}

function shortened(name: string): string {
  return name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME)}…` : name;
}
