/**
 * Scripts of programs, run one after another, each when those before it have loaded.
 *
 * Nothing here evaluates text: scripts are <script> elements, which a content security policy without
 * 'unsafe-inline' holds back.
 */

import { catchWrites } from "./writes";

/** Scripts wait here for those before them, as they would while a page is parsed. */
let line: Promise<void> = Promise.resolve();

/** A script, and the names by which it knows things, such as `element`. */
export interface ScopedScript extends HTMLScriptElement {
  scope?: Readonly<Record<string, unknown>>;
}

/** Fulfilled when all scripts that are on the page by now have run. */
export function whenScriptsHaveRun(): Promise<void> {
  return line;
}

/** Runs the scripts in `root`, which came as text, when those before have run. */
export function runScriptsIn(root: ParentNode): void {
  const scripts = scriptsIn(root);
  if (scripts.length === 0) return;
  line = line.then(() => runAll(scripts));
}

/** A script that runs `code` when `runScriptsIn` is told of it; `element` is a name that it has. */
export function scriptFor(code: string, element: HTMLElement): HTMLScriptElement {
  const template = document.createElement("template");
  template.innerHTML = "<script></script>";
  const script = template.content.firstElementChild as ScopedScript;
  script.scope = Object.assign(Object.create(null) as object, { element });
  // A block, as `eval` would be one: a second run may declare the same names. `var` and functions
  // are the page's; so is `element` no name of the page's, and that of each script stays its own.
  script.textContent = `with (document.currentScript.scope) {\n${code}\n}`;
  return script;
}

/** Whether a browser would run a script of this type: others are data. */
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

/** Puts a live copy in the place of a script that came as text, and waits for it to load. */
async function run(inert: ScopedScript): Promise<void> {
  if (!inert.isConnected) return; // Cleared in the meantime.
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

/** Puts what a script has written behind it; the scripts in it. */
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
