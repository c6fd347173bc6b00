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

beforeEach(() => {
  evaluations = 0;
  loads = 0;
  isBroken = false;
  made = [];
  disposals = 0;
});
afterEach(() => document.body.replaceChildren());

function editorOf(kind: EditorKind, code = "1\n2"): CellEditor {
  const editor = new CellEditor({
    kind,
    code,
    language: language("sage"),
    onEvaluate: () => (evaluations += 1),
  });
  document.body.append(editor.element);
  return editor;
}

const tools: EditorTools = {
  completer: { isReady: () => false, complete: async () => null, inspect: async () => "" },
  renderText: () => document.createElement("pre"),
  load: async () => {
    loads += 1;
    if (isBroken) throw new TypeError("no network");
    return (options) => {
      made.push(options);
      let held = options.code;
      return {
        code: () => held,
        setCode: (code) => {
          held = code;
          options.onChange?.();
        },
        focus: () => undefined,
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

// contract: 7.7
test("without a network the text area stays, and works", async () => {
  const reported = reports();
  isBroken = true;
  const editor = editorOf("codemirror");
  await editor.open(tools);
  expect(editor.code()).toBe("1\n2");
  expect(area()!.getAttribute("aria-label")).toBe("Sage program");
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
  const screen = new FullScreen(element);
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
