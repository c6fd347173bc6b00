/** The files that a program made, as links. */

import { type JsonObject, isObject, textsAt } from "../messages";

/** The names that an execute_reply announces. */
export function newFiles(reply: JsonObject): string[] {
  const payload = reply["payload"];
  if (!Array.isArray(payload)) return [];
  return payload.filter(isObject).flatMap((part) => textsAt(part, "new_files"));
}

/**
 * The path of a kernel's file on the server, relative to the page, or null when no link can
 * name it: a browser would resolve `..`, and half of a surrogate pair has no UTF-8.
 */
export function filePath(kernelId: string, name: string): string | null {
  const segments = name.split("/");
  if (segments.some((segment) => segment === "" || segment === "." || segment === "..")) {
    return null;
  }
  try {
    return ["kernel", kernelId, "files", ...segments].map(encodeURIComponent).join("/");
  } catch {
    return null;
  }
}

export interface FileListOptions {
  readonly kernelId: string;
  readonly names: readonly string[];
  /** How often this page has evaluated: a new number asks past any cache. */
  readonly evaluation: number;
  /** An absolute address for a path on the server. */
  readonly address: (path: string) => string;
}

/** A heading and one link a file; empty when there are none. */
export function fileList({
  kernelId,
  names,
  evaluation,
  address,
}: FileListOptions): (HTMLHeadingElement | HTMLUListElement)[] {
  if (names.length === 0) return [];
  const heading = document.createElement("h2");
  heading.textContent = names.length === 1 ? "File" : "Files";
  const list = document.createElement("ul");
  for (const name of names) {
    const path = filePath(kernelId, name);
    const entry = document.createElement("li");
    entry.append(path === null ? bare(name) : link(name, `${address(path)}?q=${evaluation}`));
    list.append(entry);
  }
  return [heading, list];
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
  span.append(shown(name), " (no link can name this file)");
  return span;
}

/** A name that cannot pass for another by turning the text around or hiding characters. */
function shown(name: string): HTMLElement {
  const element = document.createElement("bdi");
  element.textContent = name.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, "\ufffd");
  return element;
}
