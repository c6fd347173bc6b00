/** `window.sagecell`: the interface for pages. The code of cells is loaded with the first cell. */

import type { MadeCell } from "../cell/handle";
import type { CellPlan } from "../cell/plan";
import type { CellHandle, CellSession, SagecellApi } from "../publicapi";
import { claim, elementsAt, programFor, release, roomFor } from "./elements";
import { cellsOf, each, fill, isCellHandle, makeHandle } from "./handles";
import { moveForm, restoreForm } from "./moveform";
import {
  TEMPLATES,
  type Wishes,
  allLanguages,
  collapseOf,
  editorOf,
  hiddenIn,
  interactsOf,
  languageOf,
  languagesOf,
  settled,
  textOf,
} from "./options";

/** Prefix of keys that pages choose, so that they differ from the numbers of calls. */
const KEY = "key ";

/** The part of `PageCells` that is used here. */
export interface Cells {
  /** Puts a cell on the page as `plan` says. */
  make(plan: CellPlan): MadeCell;
}

/** A cell to be made, and the handle that the page has already. */
type PlannedCell = readonly [plan: CellPlan, handle: CellHandle];

/** Names from SageMathCell for old pages. */
interface EarlyNames {
  readonly makeSinglecell: SagecellApi["makeSagecell"];
  readonly _makeSagecell: SagecellApi["makeSagecell"];
  /** Reading it loads the code of cells; fulfilled when that is complete. */
  readonly _initPromise: Promise<unknown>;
  /** The syntax highlighting for each language: Python's, or none. */
  readonly modes: Readonly<Record<string, string>>;
  readonly quietMode: boolean;
}

/** How the names load cells. */
export interface SagecellOptions {
  /** Loads the code of cells. A rejection is shown in place of the cells; a later call retries. */
  readonly load: () => Promise<Cells>;
  /** Calls `act` when the page has been parsed: now if it already is. */
  readonly whenParsed: (act: () => void) => void;
}

/** The members of `window.sagecell`. */
export function makeNames({ load, whenParsed }: SagecellOptions): SagecellApi & EarlyNames {
  let loading: Promise<Cells> | null = null;
  let calls = 0;
  const kernels: SagecellApi["kernels"] = [];
  const linkKeys = Object.create(null) as Record<string, number>;
  const groups = new Map<string, CellSession[]>();

  function makeSagecell(wishes?: unknown): CellHandle {
    const options = settled(typeof wishes === "object" && wishes !== null ? wishes : {});
    calls += 1;
    const call = calls;
    let done: () => void = () => undefined;
    const ready = new Promise<void>((resolve) => (done = resolve));
    const handle = makeHandle(options, ready);
    whenParsed(() => void begin(handle, options, call, ready).then(done));
    return handle;
  }

  async function begin(
    handle: CellHandle,
    options: Wishes,
    call: number,
    ready: Promise<void>,
  ): Promise<void> {
    const inputs = elementsAt(options["inputLocation"]).filter(
      (element) => element.isConnected && claim(element),
    );
    const planned = inputs.map((input): PlannedCell => {
      const own = inputs.length === 1 ? handle : makeHandle(options, ready);
      return [plan(input, options, call, inputs.length > 1), own];
    });
    if (planned.length !== 1) handle.array = planned.map(([, own]) => own);
    for (const [{ input, output }, own] of planned) {
      own.inputLocation = input;
      own.outputLocation = output;
    }
    if (planned.length > 0) await build(planned);
    const { callback } = options;
    if (typeof callback === "function") report(callback as () => void);
  }

  async function build(planned: readonly PlannedCell[]): Promise<void> {
    try {
      loading ??= load();
      const cells = await loading;
      for (const [one, handle] of planned) {
        const cell = cells.make(one);
        fill(handle, cell);
        number(one, cell);
        Object.assign(one.output, { sagecell_session: cell.session });
      }
      evaluateAll(planned);
    } catch (error) {
      loading = null; // The next call retries.
      for (const [{ input }] of planned) {
        release(input);
        input.append(sentence(error));
      }
    }
  }

  /** Evaluates the cells with `autoeval`, in order, once all cells of a call have been made. */
  function evaluateAll(planned: readonly PlannedCell[]): void {
    for (const [{ autoeval }, handle] of planned) {
      if (autoeval) cellsOf(handle).forEach((cell) => cell.evaluate());
    }
  }

  /** Adds the cell's kernel to `kernels`; linked cells share one entry. */
  function number({ linkKey }: CellPlan, { session }: MadeCell): void {
    const group = linkKey === null ? undefined : groups.get(linkKey);
    if (group !== undefined) {
      group.push(session);
      return;
    }
    const sessions = [session];
    if (linkKey !== null) groups.set(linkKey, sessions);
    if (linkKey?.startsWith(KEY)) linkKeys[linkKey.slice(KEY.length)] = kernels.length;
    Object.defineProperty(kernels, kernels.length, {
      get: () => sessions.find(({ kernel }) => kernel !== null)?.kernel ?? null,
      enumerable: true,
      configurable: true,
    });
  }

  function whenReady(handle: unknown, act: (one: CellHandle) => void): void {
    if (!isCellHandle(handle)) return;
    // Cells that are being made are waited for.
    if (cellsOf(handle).length > 0) each(handle).forEach(act);
    else void loading?.then(() => each(handle).forEach(act));
  }

  const deleteSagecell = (handle: unknown) =>
    whenReady(handle, (one) => {
      inInput(restoreForm)(one); // Otherwise a moved form would stay on the page.
      cellsOf(one).forEach((cell) => cell.dispose());
      for (const element of [one.inputLocation, one.outputLocation]) {
        if (element instanceof HTMLElement) element.remove();
      }
    });
  const moveInputForm = (handle: unknown) => whenReady(handle, inInput(moveForm));
  const restoreInputForm = (handle: unknown) => whenReady(handle, inInput(restoreForm));

  return {
    templates: TEMPLATES,
    allLanguages: [...allLanguages],
    modes: Object.fromEntries(
      allLanguages.map((name) => [name, /^(?:sage|python)$/.test(name) ? "python" : ""]),
    ),
    quietMode: false,
    kernels,
    linkKeys,
    makeSagecell,
    makeSinglecell: makeSagecell,
    _makeSagecell: makeSagecell,
    get _initPromise() {
      return (loading ??= load());
    },
    deleteSagecell,
    moveInputForm,
    restoreInputForm,
  };
}

function plan(element: HTMLElement, options: Wishes, call: number, areSeveral: boolean): CellPlan {
  const { linkKey, autoeval, hint, onPermalink } = options;
  const hasKey = linkKey !== undefined && linkKey !== null;
  const isLinked = hasKey || Boolean(options["linked"]);
  const code = programFor(options["code"], options["codeLocation"], element);
  const input = roomFor(element);
  const [output = input] = elementsAt(options["outputLocation"]);
  return {
    input,
    output,
    code,
    editor: editorOf(options),
    evalButtonText: textOf(options["evalButtonText"]),
    hide: hiddenIn(options, isLinked),
    isDebug: options["mode"] === "debug",
    replaceOutput: Boolean(options["replaceOutput"]),
    languages: languagesOf(options),
    language: languageOf(options),
    linkKey: hasKey ? `${KEY}${textOf(linkKey)}` : isLinked ? `call ${call}` : null,
    autoeval: Boolean(autoeval) && !(areSeveral && isLinked && !hasKey),
    interacts: interactsOf(options),
    collapse: collapseOf(options),
    scripts: Boolean(options["scripts"]),
    plainPython: Boolean(options["plainPython"]),
    permalink: Boolean(options["permalink"]),
    permalinkId: textOf(options["permalinkId"] ?? ""),
    onPermalink: (id, address) => {
      if (typeof onPermalink !== "function") return;
      report(() => (onPermalink as CellPlan["onPermalink"])(id, address));
    },
    hint: typeof hint === "string" ? hint : "",
  };
}

function inInput(act: (input: HTMLElement) => void): (handle: CellHandle) => void {
  return ({ inputLocation }) => {
    if (inputLocation instanceof HTMLElement) act(inputLocation);
  };
}

/** Calls a page's callback; its exception goes to the console and affects no cell. */
function report(act: () => void): void {
  try {
    act();
  } catch (error) {
    reportError(error);
  }
}

function sentence(error: unknown): HTMLElement {
  const words = document.createElement("p");
  words.setAttribute("role", "alert");
  words.textContent = "This cell could not be loaded. Reload the page to try again.";
  words.title = String(error);
  return words;
}
