/** `window.sagecell`: the interface for pages. The code of cells is loaded with the first cell. */

import { CellForm } from "../cell/form";
import type { MadeCell } from "../cell/handle";
import { type PageLayout, type Sized, heightOf, layoutAt, outputHeightOf } from "../cell/reserved";
import type { CellPlan } from "../cell/plan";
import type { Clock } from "../dom/clock";
import type { CellHandle, CellSession, SagecellApi } from "../publicapi";
import { warn } from "../dom/errors";
import { claim, elementsAt, isInForm, programFor, release, roomFor } from "./elements";
import { cellsOf, each, fill, fillEarly, isCellHandle, makeHandle, whenMade } from "./handles";
import { moveForm, restoreForm } from "./moveform";
import { Rooms } from "./room";
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
  mistakesIn,
  scriptPlaceOf,
  settled,
  textOf,
} from "./options";

/** Prefix of keys that pages choose, so that they differ from the numbers of calls. */
const KEY = "key ";

/** Seconds between calls that come together, such as those of a page that makes each cell by itself. */
const TOGETHER = 0.1;

/** Seconds for which cells are completed before the page may react. */
const SLICE = 0.01;

/** The part of `PageCells` that is used here. */
export interface Cells {
  /** Completes the cell whose form is on the page, as `plan` says. */
  make(plan: CellPlan, form: CellForm): MadeCell;
}

/** A cell to be completed, and what the page has already. */
interface PlannedCell {
  readonly plan: CellPlan;
  readonly form: CellForm;
  readonly handle: CellHandle;
}

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
  /** Requests the editor, which cells load later. Called once, when a cell will need it. */
  readonly preloadEditor: () => void;
  /** Loads the style sheet. Called once; fulfilled when it has been loaded or has failed to load. */
  readonly dress: () => Promise<void>;
  /** Calls `act` when the page has been parsed: now if it already is. */
  readonly whenParsed: (act: () => void) => void;
  /** Calls `look` each time that more of the page has been parsed, before it is drawn. */
  readonly whileParsing: (look: () => void) => void;
  readonly clock: Clock;
}

/** The members of `window.sagecell`. */
export function makeNames({
  load,
  preloadEditor,
  dress,
  whenParsed,
  whileParsing,
  clock,
}: SagecellOptions): SagecellApi & EarlyNames {
  let loading: Promise<Cells> | null = null;
  let dressed: Promise<void> | null = null;
  let isEditorRequested = false;
  const rooms = new Rooms();
  /** Measured with a cell of the page, at a time of the clock. */
  let layout: PageLayout | null = null;
  let measuredAt = -Infinity;
  let building = Promise.resolve();
  /** Null until a cell is completed in the present task. */
  let sliceBegan: number | null = null;
  let calls = 0;
  /** Cells made so far. */
  let made = 0;
  const kernels: SagecellApi["kernels"] = [];
  const linkKeys = Object.create(null) as Record<string, number>;
  const groups = new Map<string, CellSession[]>();
  const loaded = () => (loading ??= load());
  const styled = () => (dressed ??= dress());

  function makeSagecell(wishes?: unknown): CellHandle {
    const own = typeof wishes === "object" && wishes !== null ? wishes : {};
    mistakesIn(own).forEach(warn);
    const options = settled(own);
    calls += 1;
    const call = calls;
    let done: () => void = () => undefined;
    const ready = new Promise<void>((resolve) => (done = resolve));
    const handle = makeHandle(options, ready);
    whileParsing(() =>
      rooms.keep(options["inputLocation"], (element) => {
        prepare(shapeOf(options));
        return height(options, element);
      }),
    );
    whenParsed(() => void begin(handle, options, call, ready).then(done));
    return handle;
  }

  /** Starts to load what a cell needs; `build` shows failures. */
  function prepare({ editor, hide }: Pick<Sized, "editor" | "hide">): void {
    const whenStyled = styled();
    loaded().catch(() => undefined);
    if (isEditorRequested || hide.has("editor") || !editor.startsWith("codemirror")) return;
    isEditorRequested = true;
    // It is larger than all else together, and must not delay the buttons.
    void whenStyled.then(preloadEditor);
  }

  /** The height that a cell in `element` will have. */
  function height(options: Wishes, element: HTMLElement): string {
    const [codeElement] = elementsAt(options["codeLocation"]);
    const code = programFor(options["code"], codeElement, element, languageOf(options));
    const { isNarrow, columns } = (layout ??= layoutAt(element));
    const sized = { ...shapeOf(options), code, isNarrow };
    const form = heightOf(sized, columns);
    const output = (options["outputLocation"] ?? null) === null ? outputHeightOf(sized) : "";
    return output === "" ? form : `calc(${form} + ${output})`;
  }

  /** The page's layout, measured once for all calls that come together. */
  function measured(element: HTMLElement): PageLayout {
    if (layout !== null && clock.now() - measuredAt < TOGETHER) return layout;
    layout = layoutAt(element);
    measuredAt = clock.now();
    return layout;
  }

  async function begin(
    handle: CellHandle,
    options: Wishes,
    call: number,
    ready: Promise<void>,
  ): Promise<void> {
    rooms.release();
    const located = locate("inputLocation", options).filter(({ isConnected }) => isConnected);
    const inputs = located.filter((element) => !isInForm(element) && claim(element));
    const plans = inputs.map((input) => planOf(input, options, call, inputs.length > 1));
    const { isNarrow, columns } = measured(plans[0]?.input ?? document.body);
    const planned = plans.map((known): PlannedCell => {
      const plan = { ...known, isNarrow, number: (made += 1) };
      const own = inputs.length === 1 ? handle : makeHandle(options, ready);
      // Synchronously, because pages look for their cells as soon as they are parsed.
      const form = new CellForm(plan, clock);
      form.reserve(columns);
      fillEarly(own, plan, form);
      return { plan, form, handle: own };
    });
    if (planned.length !== 1) handle.array = planned.map(({ handle: own }) => own);
    if (planned.length > 0) await (building = build(planned, building));
    const { callback } = options;
    if (typeof callback === "function") report(callback as () => void);
  }

  /** Completes cells after those of the calls `before`, which are evaluated first. Never rejects. */
  async function build(planned: readonly PlannedCell[], before: Promise<void>): Promise<void> {
    planned.forEach(({ plan }) => prepare(plan));
    const revealed = styled().then(() => planned.forEach(({ form }) => form.reveal()));
    try {
      const [cells] = await Promise.all([loaded(), revealed, before]);
      for (const { plan, form, handle } of planned) {
        while (isSliceOver()) await new Promise<void>((resolve) => clock.after(0, resolve));
        const cell = cells.make(plan, form);
        fill(handle, cell);
        number(plan, cell);
        Object.assign(plan.output, { sagecell_session: cell.session });
      }
      evaluateAll(planned);
    } catch (error) {
      loading = null; // The next call retries.
      for (const { plan, form } of planned) {
        form.giveUp();
        release(plan.input);
        if (plan.area !== null) release(plan.area);
        plan.input.append(sentence(error));
      }
    }
  }

  /** Whether cells have been completed long enough in this task, of whatever call. */
  function isSliceOver(): boolean {
    if (sliceBegan === null) {
      sliceBegan = clock.now();
      clock.after(0, () => (sliceBegan = null));
    }
    return clock.now() - sliceBegan > SLICE;
  }

  /** Evaluates the cells with `autoeval`, in order, once all cells of a call have been made. */
  function evaluateAll(planned: readonly PlannedCell[]): void {
    for (const { plan, form, handle } of planned) {
      if (plan.autoeval && !form.isCalledOff) cellsOf(handle).forEach((cell) => cell.evaluate());
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
    if (cellsOf(handle).length === each(handle).length) each(handle).forEach(act);
    else void whenMade(handle).then(() => each(handle).forEach(act));
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
      return loaded();
    },
    deleteSagecell,
    moveInputForm,
    restoreInputForm,
  };
}

/** The options on which the height of a cell depends. */
function shapeOf(options: Wishes): Omit<Sized, "code" | "isNarrow"> {
  return {
    editor: editorOf(options),
    hide: hiddenIn(options, hasKeyIn(options) || Boolean(options["linked"])),
    languages: languagesOf(options),
    collapse: collapseOf(options),
    autoeval: Boolean(options["autoeval"]),
  };
}

function hasKeyIn({ linkKey }: Wishes): boolean {
  return linkKey !== undefined && linkKey !== null;
}

function planOf(
  element: HTMLElement,
  options: Wishes,
  call: number,
  areSeveral: boolean,
): Omit<CellPlan, "number" | "isNarrow"> {
  const { linkKey, autoeval, hint, onPermalink } = options;
  const hasKey = hasKeyIn(options);
  const isLinked = hasKey || Boolean(options["linked"]);
  const [codeElement] = locate("codeLocation", options);
  const code = programFor(options["code"], codeElement, element, languageOf(options));
  const input = roomFor(element);
  const [output = input] = locate("outputLocation", options);
  return {
    input,
    output,
    area: element instanceof HTMLTextAreaElement ? element : null,
    ...shapeOf(options),
    code,
    evalButtonText: textOf(options["evalButtonText"]),
    isDebug: options["mode"] === "debug",
    replaceOutput: Boolean(options["replaceOutput"]),
    language: languageOf(options),
    linkKey: hasKey ? `${KEY}${textOf(linkKey)}` : isLinked ? `call ${call}` : null,
    autoeval: Boolean(autoeval) && !(areSeveral && isLinked && !hasKey),
    interacts: interactsOf(options),
    scripts: scriptPlaceOf(options),
    keep: Boolean(options["keep"]),
    completeWhileTyping: Boolean(options["completeWhileTyping"]),
    permalink: Boolean(options["permalink"]),
    permalinkId: textOf(options["permalinkId"] ?? ""),
    onPermalink: (id, address) => {
      if (typeof onPermalink !== "function") return;
      report(() => (onPermalink as CellPlan["onPermalink"])(id, address));
    },
    hint: typeof hint === "string" ? hint : "",
  };
}

/** The elements of an option; warns if it is given and there are none on the page. */
function locate(
  name: "inputLocation" | "outputLocation" | "codeLocation",
  options: Wishes,
): HTMLElement[] {
  const location = options[name];
  const found = elementsAt(location);
  const isGiven = location !== undefined && location !== null;
  if (!isGiven && name !== "inputLocation") return found;
  if (!found.some(({ isConnected }) => isConnected)) {
    const selector = typeof location === "string" ? ` "${location.slice(0, 200)}"` : "";
    warn(`makeSagecell finds no element of the page at ${name}${selector}.`);
  }
  return found;
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
