import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { CellEditor, type EditorTools } from "../../src/cell/celleditor";
import { editorData } from "../../src/cell/codemirror5";
import { FullScreen } from "../../src/dom/fullscreen";
import type { EditorOptions } from "../../src/editor/editor";
import { language } from "../../src/editor/languages";
import type { EditorKind } from "../../src/publicapi";
import { reports } from "../fakes";

let evaluations: number;
let loads: number;
let isBroken: boolean;
let made: EditorOptions[];
let disposals: number;
let commands: string[];

beforeEach(() => {
  evaluations = 0;
  loads = 0;
  isBroken = false;
  made = [];
  disposals = 0;
  commands = [];
});
afterEach(() => document.body.replaceChildren());

function editorOf(
  kind: EditorKind,
  code = "1\n2",
  own: HTMLTextAreaElement | null = null,
): CellEditor {
  const editor = new CellEditor({
    number: 3,
    kind,
    area: own,
    code,
    completesWhileTyping: false,
    language: language("sage"),
    onEvaluate: () => (evaluations += 1),
  });
  document.body.append(editor.element);
  return editor;
}

const tools: EditorTools = {
  completer: {
    complete: async () => null,
    inspect: async () => "",
    inspectInKernel: async () => "",
  },
  renderText: () => document.createElement("pre"),
  load: async () => {
    loads += 1;
    if (isBroken) throw new TypeError("no network");
    return (options) => {
      made.push(options);
      let held = options.code;
      let selected = { anchor: 0, head: 0 };
      return {
        code: () => held,
        setCode: (code) => {
          held = code;
          options.onChange?.();
        },
        focus: () => undefined,
        selection: () => selected,
        select: (selection) => (selected = selection),
        replace: (from, to, text) => {
          held = held.slice(0, from) + text + held.slice(to);
          options.onChange?.();
        },
        run: (name) => commands.push(name),
        setLanguage: () => undefined,
        dispose: () => (disposals += 1),
      };
    };
  },
};
const area = () => document.querySelector("textarea");

test("a text area is shown at once, and CodeMirror takes over its text", async () => {
  const editor = editorOf("codemirror");
  expect(editor.code()).toBe("1\n2");
  area()!.value = "typed";
  await editor.open(tools);
  await editor.open(tools);
  expect([loads, made.length, made[0]!.code, area()]).toEqual([1, 1, "typed", null]);
  expect(editor.code()).toBe("typed");
});

// contract: 7.1
test("a page's own text area stays, and a form submits what is in the editor", async () => {
  const own = Object.assign(document.createElement("textarea"), { name: "program", value: "old" });
  own.className = "mine";
  const form = document.createElement("form");
  document.body.append(form);
  const editor = editorOf("codemirror", "1\n2", own);
  form.append(editor.element);
  const submitted = () => new FormData(form).get("program");
  expect([own.className, submitted()]).toEqual(["mine sagecell_commands", "1\n2"]);
  await editor.open(tools);
  expect([own.isConnected, own.hidden]).toEqual([true, true]);
  editor.setCode("3");
  editorData(editor).replaceRange("4", { line: 0 });
  expect([submitted(), own.value]).toEqual(["34", "34"]);
  editor.dispose();
  own.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", shiftKey: true }));
  expect(evaluations).toBe(0);
});

// contract: 7.7
test("without a network the text area stays, and works", async () => {
  const reported = reports();
  isBroken = true;
  const editor = editorOf("codemirror");
  await editor.open(tools);
  expect(editor.code()).toBe("1\n2");
  expect(area()!.getAttribute("aria-label")).toBe("Sage program of cell 3");
  area()!.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", shiftKey: true }));
  area()!.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter" }));
  expect(evaluations).toBe(1);
  expect(reported()).toMatchObject([[expect.anything(), { message: "no network" }]]);
});

test.each<[EditorKind, number, boolean]>([
  ["textarea", 0, false],
  ["textarea-readonly", 0, true],
  ["codemirror", 1, false],
  ["codemirror-readonly", 1, true],
])("%s loads CodeMirror %d times; read only: %j", async (kind, count, isReadOnly) => {
  const editor = editorOf(kind);
  expect(area()!.readOnly).toBe(isReadOnly);
  expect(area()!.className).toBe("sagecell_commands");
  await editor.open(tools);
  expect(loads).toBe(count);
  if (count > 0) expect(made[0]!.isReadOnly).toBe(isReadOnly);
});

// contract: 7.5
describe("pages for CodeMirror 5", () => {
  test("find it on the element that has its class", async () => {
    const editor = editorOf("codemirror");
    const data = editorData(editor);
    editor.found = data;
    await editor.open(tools);
    const element = document.querySelector<HTMLElement & { CodeMirror?: unknown }>(".CodeMirror");
    expect(element?.CodeMirror).toBe(data);
    expect(data.getWrapperElement()).toBe(element);
  });

  test.each<EditorKind>(["textarea", "codemirror"])(
    "get and set the program (%s)",
    async (kind) => {
      const editor = editorOf(kind);
      await editor.open(tools);
      const data = editorData(editor);
      expect(data.getValue()).toBe("1\n2");
      data.getDoc().setValue("a\nb\nc");
      expect([data.getValue(), data.lineCount(), data.getLine(1)]).toEqual(["a\nb\nc", 3, "b"]);
      data.setOption("readOnly", true);
      expect(data.getOption("readOnly")).toBe(true);
      expect(() => {
        data.refresh();
        data.save();
        data.focus();
      }).not.toThrow();
    },
  );

  test.each<EditorKind>(["textarea", "codemirror"])("select and replace (%s)", async (kind) => {
    const editor = editorOf(kind, "one\ntwo\nthree");
    await editor.open(tools);
    const data = editorData(editor);
    data.setCursor(1, 1);
    expect(data.getCursor()).toEqual({ line: 1, ch: 1 });
    expect([data.somethingSelected(), data.getSelection()]).toEqual([false, ""]);
    data.replaceSelection("++");
    expect([data.getLine(1), data.getCursor()]).toEqual(["t++wo", { line: 1, ch: 3 }]);
    data.setSelection({ line: 2, ch: 99 }, { line: 2, ch: 2 });
    expect([data.getSelection(), data.somethingSelected()]).toEqual(["ree", true]);
    const ends = ["anchor", "head", "from", "to"] as const;
    expect(ends.map((end) => data.getCursor(end).ch)).toEqual([5, 2, 2, 5]);
    expect([data.getCursor(true).ch, data.getCursor(false).ch]).toEqual([2, 5]);
    data.replaceSelection("xy", "around");
    expect([data.getValue(), data.getSelection()]).toEqual(["one\nt++wo\nthxy", "xy"]);
    data.replaceSelection("", "start");
    expect(data.getCursor()).toEqual({ line: 2, ch: 2 });
    data.replaceRange("!", { line: 0 });
    data.replaceRange("", { line: 2, ch: 0 }, { line: 1, ch: 0 });
    expect([data.getValue(), data.lastLine()]).toEqual(["one!\nth", 1]);
    expect(data.getRange({ line: 0, ch: 3 }, { line: 1, ch: 1 })).toBe("!\nt");
    expect(data.posFromIndex(6)).toEqual({ line: 1, ch: 1 });
    expect([-1, 0, 7].map((line) => data.indexFromPos({ line }))).toEqual([0, 4, 7]);
    data.setCursor({ line: 7, ch: 7 });
    expect(data.getCursor()).toEqual({ line: 1, ch: 2 });
    expect(data.operation(() => data.firstLine())).toBe(0);
  });

  test("run commands in CodeMirror, and nothing in a text area", async () => {
    const editor = editorOf("codemirror");
    const data = editorData(editor);
    expect(() => data.undo()).not.toThrow();
    await editor.open(tools);
    for (const act of ["undo", "redo", "clearHistory"] as const) data[act]();
    data.execCommand("selectAll");
    expect(commands).toEqual(["undo", "redo", "clearHistory", "selectAll"]);
  });

  test("set the size, and ask for the focus", () => {
    const editor = editorOf("textarea");
    const data = editorData(editor);
    data.setSize(300, null);
    data.setSize(null, "12em");
    const sizes = () =>
      ["width", "height", "limit"].map((name) =>
        editor.element.style.getPropertyValue(`--editor-${name}`),
      );
    expect(sizes()).toEqual(["300px", "12em", "12em"]);
    data.setSize("50%", "auto");
    expect(sizes()).toEqual(["50%", "0", "none"]);
    expect(data.hasFocus()).toBe(false);
    data.focus();
    expect(data.hasFocus()).toBe(true);
    expect(data.getTextArea()).toBe(area());
  });

  test("keep a selection that was made before CodeMirror came", async () => {
    const editor = editorOf("codemirror");
    const data = editorData(editor);
    data.setSelection({ line: 1, ch: 1 }, { line: 0, ch: 0 });
    await editor.open(tools);
    expect(editor.selection).toMatchObject({ anchor: 3, head: 0 });
  });

  test("receive changes until they unsubscribe", async () => {
    const editor = editorOf("codemirror");
    await editor.open(tools);
    const data = editorData(editor);
    const heard: string[] = [];
    const hear = () => heard.push(data.getValue());
    data.on("change", hear);
    data.on("nonsense", hear);
    data.setValue("x");
    data.off("change", hear);
    data.setValue("y");
    expect(heard).toEqual(["x"]);
    expect(data.getWrapperElement().className).toBe("CodeMirror");
  });
});

// contract: 7.7
test("F11 and its button fill the window, Escape leaves it", () => {
  const element = document.createElement("div");
  document.body.append(element);
  const screen = new FullScreen([element]);
  element.append(screen.button);
  const press = (key: string) => {
    const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true });
    element.dispatchEvent(event);
    return event.defaultPrevented;
  };
  expect(press("Escape")).toBe(false);
  expect(press("F11")).toBe(true);
  expect(element.className).toBe("sagecell_fullScreenEnabled");
  expect(screen.button.className).toContain("sagecell_icon-resize-small");
  expect(press("Escape")).toBe(true);
  expect(element.className).toBe("");
  expect(document.activeElement).toBe(screen.button);
  screen.button.click();
  expect(screen.isEnabled).toBe(true);
  expect(screen.button.getAttribute("aria-pressed")).toBe("true");
});

test("the screen is shared by input and output, until the focus leaves both", () => {
  const [input, output, outside] = ["div", "div", "button"].map((tag) => {
    const element = document.createElement(tag);
    element.tabIndex = 0;
    document.body.append(element);
    return element;
  }) as [HTMLElement, HTMLElement, HTMLElement];
  const screen = new FullScreen([input, output]);
  screen.toggle();
  expect(input.className).toBe("sagecell_fullScreenEnabled sagecell_upperHalf");
  expect(output.className).toBe("sagecell_fullScreenEnabled sagecell_lowerHalf");
  input.focus();
  output.focus();
  expect(screen.isEnabled).toBe(true);
  outside.focus();
  expect([input.className, output.className]).toEqual(["", ""]);
  screen.toggle();
  screen.dispose();
  screen.dispose();
  expect([screen.isEnabled, input.className]).toEqual([false, ""]);
  input.dispatchEvent(new KeyboardEvent("keydown", { key: "F11", bubbles: true }));
  expect(screen.isEnabled).toBe(false);
});

test.each<EditorKind>(["textarea", "codemirror"])(
  "one that is disposed goes once, and its program can still be read (%s)",
  async (kind) => {
    const editor = editorOf(kind);
    await editor.open(tools);
    const data = editorData(editor);
    const heard: string[] = [];
    data.on("change", () => heard.push("change"));
    data.setValue("x");
    const before = heard.length;
    editor.dispose();
    editor.dispose();
    expect(disposals).toBe(loads);
    expect([document.body.childElementCount, data.getValue()]).toEqual([0, "x"]);
    data.setValue("y");
    data.focus();
    expect([data.getValue(), heard.length]).toEqual(["y", before]);
  },
);

test("CodeMirror is not created after `dispose`", async () => {
  const editor = editorOf("codemirror");
  const opened = editor.open(tools);
  editor.dispose();
  await opened;
  await editor.open(tools);
  expect(made).toHaveLength(0);
  expect(editor.code()).toBe("1\n2");
});
