/** CodeMirror 5's interface, as far as pages for SageMathCell use it. */

import type { EditorData, EditorPosition } from "../publicapi";
import type { CellEditor } from "./celleditor";

/** An object for pages that reads, writes and selects the program in `editor`. */
export function editorData(editor: CellEditor): EditorData {
  const options = new Map<string, unknown>();
  const calledOff = new Map<unknown, () => void>();
  const nothing = () => undefined;
  const index = (position: EditorPosition) => indexOf(editor.code(), position);
  const position = (at: number) => positionOf(editor.code(), at);
  const ends = () => {
    const { anchor, head } = editor.selection;
    return { anchor, head, from: Math.min(anchor, head), to: Math.max(anchor, head) };
  };
  const data: EditorData = {
    getValue: () => editor.code(),
    setValue: (code: unknown) => editor.setCode(String(code)),
    getDoc: () => data,
    lineCount: () => editor.code().split("\n").length,
    firstLine: () => 0,
    lastLine: () => data.lineCount() - 1,
    getLine: (line) => editor.code().split("\n")[line],
    getRange: (from, to) => editor.code().slice(index(from), index(to)),
    replaceRange: (text: unknown, from, to = from) => {
      const [start, end] = inOrder(index(from), index(to));
      editor.replace(start, end, String(text));
    },
    indexFromPos: index,
    posFromIndex: position,
    getCursor: (end = "head") => position(ends()[ENDS.get(end) ?? "head"]),
    setCursor: (line: EditorPosition | number, ch: number | null = null) =>
      data.setSelection(typeof line === "number" ? { line, ch } : line),
    getSelection: () => editor.code().slice(ends().from, ends().to),
    setSelection: (anchor, head = anchor) =>
      editor.select({ anchor: index(anchor), head: index(head) }),
    replaceSelection: (text: unknown, select) => {
      const { from, to } = ends();
      const inserted = String(text);
      editor.replace(from, to, inserted);
      const end = from + inserted.replace(/\r\n?/g, "\n").length;
      editor.select({
        anchor: select === "start" || select === "around" ? from : end,
        head: select === "start" ? from : end,
      });
    },
    somethingSelected: () => ends().from < ends().to,
    execCommand: (name) => editor.run(name),
    undo: () => editor.run("undo"),
    redo: () => editor.run("redo"),
    clearHistory: () => editor.run("clearHistory"),
    operation: (act) => act(),
    focus: () => editor.focus(),
    hasFocus: () => editor.hasFocus,
    setSize: (width, height) => editor.setSize(width, height),
    refresh: nothing,
    save: nothing,
    scrollIntoView: nothing,
    getOption: (name) => options.get(name),
    setOption: (name, value) => void options.set(name, value),
    on: (type, handler) => {
      if (type === "change")
        calledOff.set(
          handler,
          editor.onChange(() => handler(data, {})),
        );
    },
    off: (_type, handler) => {
      calledOff.get(handler)?.();
      calledOff.delete(handler);
    },
    getTextArea: () => editor.area,
    getWrapperElement: () =>
      editor.element.querySelector<HTMLElement>(".CodeMirror") ?? editor.element,
  };
  return data;
}

type End = "anchor" | "head" | "from" | "to";

/** The names of the selection's ends; CodeMirror 2 called them by truth values. */
const ENDS: ReadonlyMap<unknown, End> = new Map<unknown, End>([
  ["anchor", "anchor"],
  ["from", "from"],
  ["start", "from"],
  [true, "from"],
  ["to", "to"],
  ["end", "to"],
  [false, "to"],
]);

function inOrder(one: number, other: number): [number, number] {
  return one <= other ? [one, other] : [other, one];
}

/** The index of a position; one outside of the program is clipped, as CodeMirror 5 does. */
function indexOf(code: string, { line, ch }: EditorPosition): number {
  const lines = code.split("\n");
  if (!(line >= 0)) return 0;
  if (line >= lines.length) return code.length;
  const before = lines.slice(0, line).join("\n").length + (line > 0 ? 1 : 0);
  const { length } = lines[line] ?? "";
  return before + Math.max(0, Math.min(ch ?? length, length));
}

function positionOf(code: string, index: number): EditorPosition {
  const lines = code.slice(0, Math.max(0, index)).split("\n");
  return { line: lines.length - 1, ch: lines.at(-1)?.length ?? 0 };
}
