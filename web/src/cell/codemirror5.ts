/** CodeMirror 5's interface, as far as pages for SageMathCell use it. */

import type { EditorData } from "../publicapi";
import type { CellEditor } from "./celleditor";

/** An object for pages that reads and writes the program in `editor`. */
export function editorData(editor: CellEditor): EditorData {
  const options = new Map<string, unknown>();
  const calledOff = new Map<unknown, () => void>();
  const nothing = () => undefined;
  const data: EditorData = {
    getValue: () => editor.code(),
    setValue: (code: unknown) => editor.setCode(String(code)),
    getDoc: () => data,
    lineCount: () => editor.code().split("\n").length,
    getLine: (line) => editor.code().split("\n")[line],
    focus: () => editor.focus(),
    refresh: nothing,
    save: nothing,
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
    getWrapperElement: () =>
      editor.element.querySelector<HTMLElement>(".CodeMirror") ?? editor.element,
  };
  return data;
}
