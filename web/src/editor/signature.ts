/**
 * The signature of a function, shown while its arguments are typed.
 *
 * A call begins when "(" is typed behind a name, and is over when the cursor leaves the parentheses.
 * Calls are nested: the signature of the innermost one that has one is shown, above the line.
 */

import { matchBrackets, syntaxTree } from "@codemirror/language";
import {
  type EditorState,
  type Extension,
  StateEffect,
  StateField,
  type Transaction,
} from "@codemirror/state";
import { EditorView, type Tooltip, type TooltipView, showTooltip } from "@codemirror/view";

import { HELP, setHelp } from "./help";

/** A name, perhaps with dots, that may be a function's; not one that is just being defined. */
const NAME =
  /(?<![\p{L}\p{N}_.)\]]|\b(?:def|class)\s+)[\p{L}_][\p{L}\p{N}_]*(?:\.[\p{L}_][\p{L}\p{N}_]*)*$/u;

/** Names are recognised by so many of their last characters. */
const LONGEST_NAME = 200;

/** A call whose arguments are being typed. */
interface Call {
  /** Tells calls apart. */
  readonly key: object;
  /** The position of its opening parenthesis. */
  readonly open: number;
  /** Makes the tooltip's content; null without a signature, or before there is an answer. */
  readonly create: (() => TooltipView) | null;
}

/** Gives a call its signature. */
const answer = StateEffect.define<Pick<Call, "key" | "create">>();

const close = StateEffect.define();

/** The calls that the cursor is in, the innermost last. */
const calls = StateField.define<readonly Call[]>({
  create: () => [],
  update(earlier, transaction) {
    const { state, changes, effects } = transaction;
    const isClosed = effects.some((each) => each.is(close) || (each.is(setHelp) && each.value));
    if (isClosed) return [];
    let found = earlier;
    for (const effect of effects) {
      if (!effect.is(answer)) continue;
      const { key, create } = effect.value;
      found = found.map((call) => (call.key === key ? { ...call, create } : call));
    }
    if (!transaction.docChanged && !transaction.selection) return found;
    found = found
      .map((call) => ({ ...call, open: changes.mapPos(call.open, 1) }))
      .filter(({ open }) => isInside(state, open));
    const open = begun(transaction);
    return open === null ? found : [...found, { key: {}, open, create: null }];
  },
  provide: (field) => showTooltip.from(field, shown),
});

function shown(found: readonly Call[]): Tooltip | null {
  const call = found.findLast(({ create }) => create !== null);
  if (call === undefined || call.create === null) return null;
  return { pos: call.open, above: true, create: call.create };
}

/** The position of the parenthesis that the user has just typed behind a name; null if there is none. */
function begun(transaction: Transaction): number | null {
  const { state } = transaction;
  const { head, empty } = state.selection.main;
  const open = head - 1;
  if (!transaction.isUserEvent("input.type") || !empty) return null;
  if (open < 0 || state.sliceDoc(open, head) !== "(") return null;
  if (/String|Comment/.test(syntaxTree(state).resolveInner(open, -1).name)) return null;
  return NAME.test(before(state, open)) ? open : null;
}

/** Whether the cursor is behind this parenthesis, and not behind the one that closes it. */
function isInside(state: EditorState, open: number): boolean {
  const { head } = state.selection.main;
  if (head <= open || state.sliceDoc(open, open + 1) !== "(") return false;
  const end = matchBrackets(state, open, 1)?.end;
  return head <= (end?.from ?? state.doc.lineAt(open).to);
}

function before(state: EditorState, position: number): string {
  return state.sliceDoc(Math.max(0, position - LONGEST_NAME), position);
}

/**
 * Shows signatures. `ask` returns help on the name at the end of a program as IPython writes it, or "".
 *
 * They close with the call, without focus, and with `closeSignatures`.
 */
export function signatureHelp(
  ask: (code: string) => Promise<string>,
  renderText: (text: string, className: string) => HTMLElement,
): Extension {
  const look = async (view: EditorView, { key, open }: Call) => {
    const code = view.state.sliceDoc(0, open);
    const name = /[\p{L}\p{N}_]*$/u.exec(code)?.[0] ?? "";
    const help = await ask(code);
    // As text, without colours.
    const signature = signatureIn(renderText(help, HELP).textContent, name);
    if (signature === "" || !view.state.field(calls).some((call) => call.key === key)) return;
    const create = () => ({ dom: renderText(signature, `${HELP} sagecell_signature`) });
    view.dispatch({
      effects: [answer.of({ key, create }), EditorView.announce.of(signature)],
    });
  };
  return [
    calls,
    EditorView.updateListener.of(({ view, state, startState }) => {
      const call = state.field(calls).at(-1);
      const earlier = startState.field(calls);
      if (call !== undefined && !earlier.some(({ key }) => key === call.key)) void look(view, call);
    }),
    EditorView.focusChangeEffect.of((_, isFocused) => (isFocused ? null : close.of(null))),
  ];
}

/** Closes all signatures; false if none is shown. */
export function closeSignatures(view: EditorView): boolean {
  const found = view.state.field(calls, false) ?? [];
  if (found.length > 0) view.dispatch({ effects: close.of(null) });
  return shown(found) !== null;
}

/** The signature in IPython's help on a name: up to the next heading. */
const SIGNATURE = /^(?:(?:Init|Call) s|S)ignature:\s*([^]*?)\s*(?:^[A-Z][\w ]*:|$(?![^]))/m;

/**
 * The signature of a function in IPython's help on it; "" if there is none.
 *
 * Those of functions in C are at the beginning of the docstring, if anywhere.
 */
export function signatureIn(help: string, name: string): string {
  const documented = new RegExp(`^Docstring:\\s*((?:${name}\\(.*(?:\n|$))+)`, "m").exec(help);
  if (documented !== null) return documented[1]?.trim() ?? "";
  // A long one has a line for each parameter.
  const lines = SIGNATURE.exec(help)?.[1] ?? "";
  return lines
    .replace(/\s*\n\s*/g, " ")
    .replace("( ", "(")
    .replace(", )", ")");
}
