/** Links to the files that a program has written. */

import { division, note } from "../dom/elements";
import type { FileAddress } from "./html";

/** The path of a kernel's file on the server, relative to the page, or null when no link can name it. */
export function filePath(kernelId: string, name: string): string | null {
  const path = encodedPath(name);
  return path === null ? null : `${filesPath(kernelId)}${path}`;
}

/** The path below which a kernel's files are; it ends in a slash. */
export function filesPath(kernelId: string): string {
  return `kernel/${encodeURIComponent(kernelId)}/files/`;
}

/**
 * A file's name as part of a path.
 *
 * Null for a name that no link can contain: browsers resolve `..`, and lone surrogates have no
 * UTF-8.
 */
function encodedPath(name: string): string | null {
  const segments = name.split("/");
  if (segments.some((segment) => segment === "" || segment === "." || segment === "..")) {
    return null;
  }
  try {
    return segments.map(encodeURIComponent).join("/");
  } catch {
    return null;
  }
}

/** Addresses of the files below `base`, which ends in a slash; `version` bypasses caches. */
export function filesBelow(base: string, version: string): FileAddress {
  return (name) => {
    const [path = "", query] = name.split("?", 2);
    const file = encodedPath(path);
    if (file === null) return null;
    return `${base}${file}?${new URLSearchParams(query ?? { q: version })}`;
  };
}

/** Files in a list at most, ten times the server's usual limit; more would block the page. */
const MOST = 5000;

/** The list of the files of one kernel, each once, with the number of its updates. */
export class FileList {
  readonly element = division("sagecell_sessionFiles");
  readonly #address: (path: string) => string;
  #kernelId = "";
  #times = new Map<string, number>();
  /** Counts the calls of `add`; part of the addresses, so that caches have no old file. */
  #version = 0;

  /** `address` returns the absolute address of a path on the server. */
  constructor(address: (path: string) => string) {
    this.#address = address;
  }

  /** Adds the files that a reply lists; those of another kernel replace the list. */
  add(kernelId: string, names: readonly string[]): void {
    if (kernelId !== this.#kernelId) this.clear();
    this.#kernelId = kernelId;
    this.#version += 1;
    for (const name of names) {
      const times = this.#times.get(name) ?? 0;
      if (times > 0 || this.#times.size < MOST) this.#times.set(name, times + 1);
    }
    this.#show();
  }

  /** Empties the list. */
  clear(): void {
    this.#times = new Map();
    this.#show();
  }

  #show(): void {
    if (this.#times.size === 0) {
      this.element.replaceChildren();
      return;
    }
    const heading = document.createElement("h2");
    heading.textContent = this.#times.size === 1 ? "File" : "Files";
    const list = document.createElement("ul");
    for (const [name, times] of this.#times) {
      const path = filePath(this.#kernelId, name);
      const entry = document.createElement("li");
      entry.append(
        path === null ? bare(name) : link(name, `${this.#address(path)}?q=${this.#version}`),
      );
      if (times > 1) entry.append(` [Updated ${times - 1} time(s)]`);
      list.append(entry);
    }
    const isFull = this.#times.size >= MOST;
    const more = isFull ? [note("There may be more files, which are not listed.")] : [];
    this.element.replaceChildren(heading, list, ...more);
  }
}

function link(name: string, href: string): HTMLAnchorElement {
  const anchor = document.createElement("a");
  anchor.href = href;
  anchor.download = name.slice(name.lastIndexOf("/") + 1);
  anchor.append(shown(name));
  return anchor;
}

function bare(name: string): HTMLElement {
  const span = document.createElement("span");
  span.append(shown(name), " (this name cannot be used in a link)");
  return span;
}

/** A name with control characters replaced, so that it cannot look like another. */
function shown(name: string): HTMLElement {
  const element = document.createElement("bdi");
  element.textContent = name.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, "\ufffd");
  return element;
}
