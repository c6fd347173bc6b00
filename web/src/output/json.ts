/** A JSON value as a tree whose branches are created when they are opened. */

import { button } from "../dom/elements";
import type { Json } from "../protocol/messages";

/** Members that a branch shows at a time. */
const PAGE = 100;

/** The element for a value; the root branch is open. */
export function renderJson(value: Json): HTMLElement {
  const element = document.createElement("div");
  element.className = "sagecell_json";
  element.append(node(null, value, true));
  return element;
}

function node(name: string | null, value: Json, open: boolean): HTMLElement {
  if (typeof value !== "object" || value === null) {
    const leaf = document.createElement("div");
    leaf.append(...label(name), text(`json_${value === null ? "null" : typeof value}`, value));
    return leaf;
  }
  const members = Object.entries(value);
  const branch = document.createElement("details");
  const summary = document.createElement("summary");
  summary.append(...label(name), text("json_size", undefined, summarise(value, members.length)));
  branch.append(summary);
  const fill = () => {
    if (branch.open && branch.childElementCount === 1) addMembers(branch, members, 0);
  };
  branch.addEventListener("toggle", fill);
  branch.open = open;
  fill();
  return branch;
}

function addMembers(branch: HTMLElement, members: readonly [string, Json][], from: number): void {
  for (const [name, value] of members.slice(from, from + PAGE)) {
    branch.append(node(name, value, false));
  }
  const left = members.length - from - PAGE;
  if (left <= 0) return;
  const more = button(`${left} more`, "sagecell_more", () => {
    more.remove();
    addMembers(branch, members, from + PAGE);
  });
  branch.append(more);
}

function label(name: string | null): (Node | string)[] {
  return name === null ? [] : [text("json_name", undefined, name), ": "];
}

function text(className: string, value: Json | undefined, words = JSON.stringify(value)): Node {
  const span = document.createElement("span");
  span.className = className;
  span.textContent = words;
  return span;
}

function summarise(value: Json[] | { [key: string]: Json }, count: number): string {
  return Array.isArray(value) ? `[${count}]` : `{${count}}`;
}
