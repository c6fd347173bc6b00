/**
 * Scripts in output: they run in order, each when those before it have loaded.
 *
 * Nothing here evaluates text: scripts are <script> elements, which a policy without 'unsafe-inline'
 * blocks.
 */

import { catchWrites } from "./writes";

/** Fulfilled when all scripts so far have run: they run in order, as in a page that is parsed. */
let line: Promise<void> = Promise.resolve();

/** A script, and the variables that only it has, such as `element`. */
export interface ScopedScript extends HTMLScriptElement {
  scope?: Readonly<Record<string, unknown>>;
}

/** Fulfilled when all scripts that were scheduled before this call have run. */
export function whenScriptsHaveRun(): Promise<void> {
  return line;
}

/** Schedules the inert scripts in `root`. */
export function runScriptsIn(root: ParentNode): void {
  const scripts = scriptsIn(root);
  if (scripts.length === 0) return;
  line = line.then(() => runAll(scripts));
}

/** An inert script for `runScriptsIn`, in which `element` is a variable. */
export function scriptFor(code: string, element: HTMLElement): HTMLScriptElement {
  const template = document.createElement("template");
  template.innerHTML = "<script></script>";
  const script = template.content.firstElementChild as ScopedScript;
  script.scope = Object.assign(Object.create(null) as object, { element });
  // In a block, as with `eval`, so that a second run can declare the same names; `var` and functions
  // are global. `with` makes `element` a variable of this script alone, also for its callbacks.
  script.textContent = `with (document.currentScript.scope) {\n${code}\n}`;
  return script;
}

/** Whether a script of this type is a program; other types are data. */
export function isProgramType(type: string | null): boolean {
  return /^(?:|module|(?:text|application)\/(?:x-)?(?:java|ecma)script)$/i.test(type?.trim() ?? "");
}

function scriptsIn(root: ParentNode): HTMLScriptElement[] {
  return Array.from(root.querySelectorAll("script")).filter(
    (script) => script instanceof HTMLScriptElement && isProgramType(script.getAttribute("type")),
  );
}

async function runAll(scripts: readonly HTMLScriptElement[]): Promise<void> {
  for (const script of scripts) await run(script);
}

/** Replaces an inert script by a copy that runs; fulfilled when that has loaded. */
async function run(inert: ScopedScript): Promise<void> {
  if (!inert.isConnected) return; // The output has been cleared.
  const script: ScopedScript = document.createElement("script");
  for (const { name, value } of inert.attributes) script.setAttribute(name, value);
  if (inert.scope !== undefined) script.scope = inert.scope;
  script.textContent = inert.textContent;
  script.async = false;
  const loaded = script.src === "" ? null : whenLoaded(script);
  let written = "";
  const release = catchWrites((text) => (written += text));
  try {
    inert.replaceWith(script);
    await loaded;
  } finally {
    release();
  }
  if (written !== "") await runAll(showWritten(written, script));
}

/** Inserts what a script has written after it; the scripts in it. */
function showWritten(written: string, script: HTMLScriptElement): HTMLScriptElement[] {
  const template = document.createElement("template");
  template.innerHTML = written;
  const scripts = scriptsIn(template.content);
  script.after(template.content);
  return scripts;
}

function whenLoaded(script: HTMLScriptElement): Promise<void> {
  return new Promise((resolve) => {
    script.onload = script.onerror = () => resolve();
  });
}
