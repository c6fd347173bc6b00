import { EditorView } from "@codemirror/view";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import {
  type Completer,
  type Completions,
  type Editor,
  createEditor,
} from "../../src/editor/editor";
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

/** An editor whose program has the cursor at its end, and what it has asked. */
function completing(
  code: string,
  found: Completions | null,
  completesWhileTyping = false,
  answer: (program: string) => Promise<Completions | null> = async () => found,
) {
  parent.replaceChildren();
  const asked: [string, number][] = [];
  const completer: Completer = {
    complete: async (program, cursor) => {
      asked.push([program, cursor]);
      return answer(program);
    },
    inspect: async (program) => `about ${program}`,
    inspectInKernel: async () => "",
  };
  const made = createEditor({
    parent,
    number: 2,
    code,
    language: language("python"),
    onEvaluate: () => undefined,
    renderText,
    completer,
    completesWhileTyping,
  });
  made.select({ anchor: code.length, head: code.length });
  return { made, asked };
}

// contract: 7.7
test.each([
  ["nobody answers", null, "The server has not answered."],
  ["there is nothing", { from: 0, to: 4, matches: [] }, "No completions found."],
  ["the name is whole", { from: 0, to: 4, matches: ["pass"] }, "No completions found."],
])("Tab behind a name says so when %s, and never indents", async (_name, found, sentence) => {
  const { made } = completing("pass", found);
  expect(press("Tab", { keyCode: 9 })).toBe(false);
  const help = () => parent.querySelector("[role=status].sagecell_help")?.textContent;
  await expect.poll(help).toBe(sentence);
  expect(made.code()).toBe("pass");
  press("Escape", { keyCode: 27 });
  expect(help()).toBeUndefined();
});

// contract: 7.7
test("Tab after a name or a dot asks, and indents elsewhere", async () => {
  const found = { from: 0, to: 3, matches: ["print", "prime"] };
  for (const code of ["pri", "math.", "größe", "π"]) {
    const { made, asked } = completing(code, found);
    press("Tab", { keyCode: 9 });
    await expect.poll(() => asked).toEqual([[code, code.length]]);
    expect(made.code()).toBe(code);
  }
  for (const code of ["", "if x: ", "x = [", "    "]) {
    const { made, asked } = completing(code, found);
    press("Tab", { keyCode: 9 });
    expect(made.code()).toBe(`    ${code}`);
    expect(asked).toEqual([]);
  }
});

describe("completions while typing", () => {
  const found = { from: 0, to: 2, matches: ["print", "prime"] };
  const type = (made: Editor, text: string) => {
    const view = EditorView.findFromDOM(parent)!;
    const { head } = made.selection();
    view.dispatch({
      changes: { from: head, insert: text },
      selection: { anchor: head + text.length },
      userEvent: "input.type",
    });
  };
  const offered = () =>
    Array.from(parent.querySelectorAll(".cm-tooltip-autocomplete li"), (li) => li.textContent);
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  test("come after a pause, and only Tab accepts them", async () => {
    const { made, asked } = completing("p", found, true);
    type(made, "r");
    await vi.advanceTimersByTimeAsync(400);
    expect(asked).toEqual([]);
    await vi.advanceTimersByTimeAsync(600);
    expect(asked).toEqual([["pr", 2]]);
    expect(offered()).toEqual(["prime", "print"]);
    press("Enter", { keyCode: 13 });
    expect(made.code()).toBe("pr\n");
    made.setCode("p");
    made.select({ anchor: 1, head: 1 });
    type(made, "r");
    await vi.advanceTimersByTimeAsync(1000);
    press("Tab", { keyCode: 9 });
    expect(made.code()).toBe("prime");
  });

  test("are filtered in the browser as one goes on", async () => {
    const { made, asked } = completing("p", found, true);
    type(made, "r");
    await vi.advanceTimersByTimeAsync(1000);
    type(made, "in");
    await vi.advanceTimersByTimeAsync(1000);
    expect(asked).toHaveLength(1);
    expect(offered()).toEqual(["print"]);
  });

  test("of another program come although the answer for the last one is late", async () => {
    const asked: string[] = [];
    const answers: (() => void)[] = [];
    const { made } = completing("p", found, true, (program) => {
      asked.push(program);
      return new Promise((resolve) => answers.push(() => resolve(found)));
    });
    type(made, "r");
    await vi.advanceTimersByTimeAsync(1000);
    made.setCode("p");
    made.select({ anchor: 1, head: 1 });
    type(made, "ri");
    await vi.advanceTimersByTimeAsync(1000);
    expect(asked).toEqual(["pr"]);
    answers[0]!();
    await vi.advanceTimersByTimeAsync(1000);
    expect(asked).toEqual(["pr", "pri"]);
    answers[1]!();
    await vi.advanceTimersByTimeAsync(1000);
    expect(offered()).toEqual(["prime", "print"]);
  });

  test("are not requested for one letter, numbers, texts, comments, or by other editors", async () => {
    for (const [before, typed] of [
      ["", "p"],
      ["1", "2"],
      ["1", "."],
      ["1e", "5"],
      ["'p", "r"],
      ["# p", "r"],
      ["f(", ")"],
    ] as const) {
      const { made, asked } = completing(before, found, true);
      type(made, typed);
      await vi.advanceTimersByTimeAsync(1000);
      expect(asked, before + typed).toEqual([]);
    }
    const { made, asked } = completing("p", found);
    type(made, "r");
    await vi.advanceTimersByTimeAsync(1000);
    expect(asked).toEqual([]);
  });
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
