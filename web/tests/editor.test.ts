import { afterEach, beforeEach, expect, test } from "vitest";

import { type Editor, createEditor } from "../src/editor";

// jsdom lays nothing out; where its ranges are is all that CodeMirror misses.
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
    code: "def f():\n    return 1\n",
    onEvaluate: () => (evaluations += 1),
  });
});

afterEach(() => parent.remove());

const content = () => parent.querySelector<HTMLElement>(".cm-content")!;
const press = (key: string, modifiers: KeyboardEventInit = {}) =>
  content().dispatchEvent(
    new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...modifiers }),
  );

test("holds the program as it is", () => {
  expect(editor.code()).toBe("def f():\n    return 1\n");
  expect(content().getAttribute("aria-label")).toBe("Python program");
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

test("Tab indents by four spaces; after Escape it leaves the editor", () => {
  expect(press("Tab", { keyCode: 9 })).toBe(false);
  expect(editor.code()).toBe("    def f():\n    return 1\n");
  press("Escape", { keyCode: 27 });
  expect(press("Tab", { keyCode: 9 })).toBe(true);
  expect(editor.code()).toBe("    def f():\n    return 1\n");
});
