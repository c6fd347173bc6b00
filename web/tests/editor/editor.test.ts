import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { type Completer, type Editor, createEditor } from "../../src/editor/editor";
import { language } from "../../src/editor/languages";
import { renderText } from "../../src/output/mime";

// jsdom has no layout; CodeMirror needs only the rectangles of ranges.
Range.prototype.getClientRects = () => [] as unknown as DOMRectList;

let parent: HTMLElement;
let editor: Editor;
let evaluations: number;

beforeEach(() => {
  parent = document.createElement("div");
  document.body.append(parent);
  evaluations = 0;
  editor = createEditor({
    parent,
    number: 2,
    code: "def f():\n    return 1\n",
    language: language("python"),
    onEvaluate: () => (evaluations += 1),
    renderText,
  });
});

afterEach(() => parent.remove());

const content = () => parent.querySelector<HTMLElement>(".cm-content")!;
/** CodeMirror also reads `keyCode`. */
interface KeyOptions {
  readonly keyCode?: number;
  readonly ctrlKey?: boolean;
  readonly shiftKey?: boolean;
}
const press = (key: string, modifiers: KeyOptions = {}) =>
  content().dispatchEvent(
    new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...modifiers }),
  );

test("holds the program as it is", () => {
  expect(editor.code()).toBe("def f():\n    return 1\n");
  expect(content().getAttribute("aria-label")).toBe("Python program of cell 2");
});

test("colours Python", () => {
  const keywords = Array.from(parent.querySelectorAll(".tok-keyword"), (span) => span.textContent);
  expect(keywords).toEqual(["def", "return"]);
});

test.each([
  ["Shift-Enter", { shiftKey: true }],
  ["Control-Enter", { ctrlKey: true }],
])("%s evaluates and leaves the program alone", (_name, modifiers) => {
  press("Enter", modifiers);
  expect(evaluations).toBe(1);
  expect(editor.code()).toBe("def f():\n    return 1\n");
});

// contract: 7.5
describe("pages for CodeMirror 5", () => {
  test("select and replace text", () => {
    editor.select({ anchor: 99, head: 4 });
    expect(editor.selection()).toMatchObject({ anchor: 22, head: 4 });
    editor.replace(4, 5, "g");
    expect(editor.code()).toBe("def g():\n    return 1\n");
  });

  test("undo, redo, and forget", () => {
    editor.setCode("x");
    editor.run("undo");
    expect(editor.code()).toBe("def f():\n    return 1\n");
    editor.run("redo");
    editor.run("clearHistory");
    editor.run("undo");
    expect(editor.code()).toBe("x");
    editor.setCode("y");
    editor.run("undo");
    expect(editor.code()).toBe("x");
    editor.run("no such command");
  });
});

test("a no-break space is marked, for Python rejects it", () => {
  editor.setCode("x\u00a0= 1");
  expect(parent.querySelector(".cm-specialChar")).not.toBeNull();
  expect(editor.code()).toBe("x\u00a0= 1");
});

test("Tab indents by four spaces; after Escape it leaves the editor", () => {
  expect(press("Tab", { keyCode: 9 })).toBe(false);
  expect(editor.code()).toBe("    def f():\n    return 1\n");
  press("Escape", { keyCode: 27 });
  expect(press("Tab", { keyCode: 9 })).toBe(true);
  expect(editor.code()).toBe("    def f():\n    return 1\n");
});

describe("text typed over a selection", () => {
  const type = (data: string, inputType = "insertText") =>
    content().dispatchEvent(
      new InputEvent("beforeinput", { inputType, data, bubbles: true, cancelable: true }),
    );

  test("is inserted by the editor, not by the browser", () => {
    press("a", { ctrlKey: true, keyCode: 65 });
    expect(type("7")).toBe(false);
    expect(editor.code()).toBe("7");
    press("z", { ctrlKey: true, keyCode: 90 });
    expect(editor.code()).toBe("def f():\n    return 1\n");
  });

  test("may be a bracket around it", () => {
    editor.setCode("x");
    press("a", { ctrlKey: true, keyCode: 65 });
    type("(");
    expect(editor.code()).toBe("(x)");
  });

  test("is left to the browser without a selection and in an input method", () => {
    expect(type("7")).toBe(true);
    press("a", { ctrlKey: true, keyCode: 65 });
    expect(type("七", "insertCompositionText")).toBe(true);
    expect(editor.code()).toBe("def f():\n    return 1\n");
  });
});

test("changes the language, and keeps the program", () => {
  editor.setLanguage(language("r"));
  expect(content().getAttribute("aria-label")).toBe("R program of cell 2");
  expect(parent.querySelectorAll(".tok-keyword")).toHaveLength(0);
  expect(editor.code()).toBe("def f():\n    return 1\n");
});

test("a program may be replaced; a read-only one cannot be edited", () => {
  editor.setCode("1");
  expect(editor.code()).toBe("1");
  const readOnly = createEditor({
    parent,
    number: 2,
    code: "2",
    language: language("sage"),
    onEvaluate: () => undefined,
    renderText,
    isReadOnly: true,
  });
  press("Tab", { keyCode: 9 });
  expect(readOnly.code()).toBe("2");
});

// contract: 7.7
test.each([
  ["nobody answers", null],
  ["there is nothing", { from: 0, to: 4, matches: [] }],
  ["the name is whole", { from: 0, to: 4, matches: ["pass"] }],
])("Tab behind a name indents when %s", async (_name, found) => {
  parent.replaceChildren();
  const made = createEditor({
    parent,
    number: 2,
    code: "pass",
    language: language("python"),
    onEvaluate: () => undefined,
    renderText,
    completer: { isReady: () => true, complete: async () => found, inspect: async () => "" },
  });
  press("End", { keyCode: 35 });
  press("Tab", { keyCode: 9 });
  await expect.poll(() => made.code()).toBe("    pass");
});

// contract: 7.7
test("Tab after a name asks the kernel if there is one, and indents otherwise", async () => {
  const asked: [string, number][] = [];
  let isReady = false;
  const completer: Completer = {
    isReady: () => isReady,
    complete: async (code, cursor) => {
      asked.push([code, cursor]);
      return { from: 0, to: cursor, matches: ["print"] };
    },
    inspect: async (code) => `about ${code}`,
  };
  parent.replaceChildren();
  const made = createEditor({
    parent,
    number: 2,
    code: "",
    language: language("python"),
    onEvaluate: () => undefined,
    renderText,
    completer,
  });
  made.setCode("pri");
  press("End", { keyCode: 35 });
  press("ArrowRight", { keyCode: 39, ctrlKey: true });
  press("Tab", { keyCode: 9 });
  expect(made.code()).toContain("    ");
  made.setCode("pri");
  isReady = true;
  press("End", { keyCode: 35, ctrlKey: true });
  press("Tab", { keyCode: 9 });
  await expect.poll(() => asked).toEqual([["pri", 3]]);
  expect(made.code()).toBe("pri");
});

test("`dispose` leaves no element, and no listener on the window", () => {
  editor.dispose();
  const page = document.defaultView!;
  const added = vi.spyOn(page, "addEventListener");
  const removed = vi.spyOn(page, "removeEventListener");
  const other = createEditor({
    parent,
    number: 2,
    code: "1",
    language: language("sage"),
    onEvaluate: () => undefined,
    renderText,
  });
  other.dispose();
  other.dispose();
  expect(parent.childElementCount).toBe(0);
  const listeners = added.mock.calls.map(([type, listener]) => [type, listener]);
  expect(listeners.length).toBeGreaterThan(0);
  expect(removed.mock.calls.map(([type, listener]) => [type, listener])).toEqual(
    expect.arrayContaining(listeners),
  );
  expect(other.code()).toBe("1");
});
