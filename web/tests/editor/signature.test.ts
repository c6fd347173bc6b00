import { EditorView } from "@codemirror/view";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { type Editor, createEditor } from "../../src/editor/editor";
import { language } from "../../src/editor/languages";
import { signatureIn } from "../../src/editor/signature";
import { renderText } from "../../src/output/mime";
import { settled } from "../fakes";

// jsdom has no layout; CodeMirror needs only the rectangles of ranges.
Range.prototype.getClientRects = () => [] as unknown as DOMRectList;

let parent: HTMLElement;
let editor: Editor;
let asked: string[];
let answer: (code: string) => Promise<string>;

beforeEach(() => {
  parent = document.createElement("div");
  document.body.append(parent);
  asked = [];
  answer = async (code) => `\x1b[31mSignature:\x1b[39m ${code}(x)\n\x1b[31mType:\x1b[39m function`;
  editor = createEditor({
    parent,
    number: 1,
    code: "",
    language: language("python"),
    onEvaluate: () => undefined,
    renderText,
    completer: {
      complete: async () => null,
      inspect: async () => "all about it",
      inspectInKernel: (code, cursor) => {
        expect(cursor).toBe(code.length);
        asked.push(code);
        return answer(code);
      },
    },
  });
});

afterEach(() => parent.remove());

const view = () => EditorView.findFromDOM(parent)!;

/** Types characters one after the other, as CodeMirror handles them. */
async function type(text: string): Promise<void> {
  for (const character of text) {
    const { from, to } = view().state.selection.main;
    const typed = () =>
      view().state.update({
        changes: { from, to, insert: character },
        selection: { anchor: from + 1 },
        userEvent: "input.type",
      });
    const handlers = view().state.facet(EditorView.inputHandler);
    if (!handlers.some((handle) => handle(view(), from, to, character, typed))) {
      view().dispatch(typed());
    }
    await settled();
  }
}

/** CodeMirror also reads `keyCode`. */
interface KeyOptions {
  readonly keyCode: number;
  readonly shiftKey?: boolean;
}
const press = (key: string, options: KeyOptions) =>
  parent
    .querySelector(".cm-content")!
    .dispatchEvent(
      new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...options }),
    );
const move = (position: number) => editor.select({ anchor: position, head: position });
const shown = () => parent.querySelector(".sagecell_signature")?.textContent;
const announced = () => parent.querySelector(".cm-announced")?.textContent;

test("the signature is shown and announced from the parenthesis to the one that closes it", async () => {
  await type("f(");
  expect(asked).toEqual(["f"]);
  expect(shown()).toBe("f(x)");
  expect(announced()).toBe("f(x)");
  await type("1, ')',");
  expect(shown()).toBe("f(x)");
  expect(editor.code()).toBe("f(1, ')',)");
  await type(")");
  expect(shown()).toBeUndefined();
  expect(editor.code()).toBe("f(1, ')',)");
  expect(asked).toEqual(["f"]);
});

test("that of the outer call comes back when the inner one is over", async () => {
  await type("plot(sin(");
  expect(shown()).toBe("plot(sin(x)");
  await type("x)");
  expect(shown()).toBe("plot(x)");
  await type(", (x, 1, 2");
  expect(shown()).toBe("plot(x)");
  expect(asked).toEqual(["plot", "plot(sin"]);
});

test("a function without a signature leaves that of the outer call", async () => {
  await type("f(");
  answer = async () => "";
  await type("g(");
  expect(asked).toHaveLength(2);
  expect(shown()).toBe("f(x)");
});

test.each([
  ["Escape", () => press("Escape", { keyCode: 27 })],
  ["leaving the parentheses", () => move(0)],
  ["going on below", () => move(5)],
  ["replacing the program", () => editor.setCode("g(1)")],
  ["evaluating", () => press("Enter", { keyCode: 13, shiftKey: true })],
  ["removing the parenthesis", () => editor.replace(0, 2, "")],
])("%s closes it", async (_name, act) => {
  editor.setCode("\n\n");
  move(0);
  await type("f(");
  expect(shown()).toBe("f(x)");
  act();
  await settled();
  expect(shown()).toBeUndefined();
  await type("1");
  expect(shown()).toBeUndefined();
});

test("it follows its parenthesis, and closes without it", async () => {
  await type("f(12");
  editor.replace(0, 0, "y = ");
  expect(shown()).toBe("f(x)");
  editor.replace(5, 6, "");
  expect(editor.code()).toBe("y = f12)");
  expect(shown()).toBeUndefined();
});

test("without a closing parenthesis it stays in its line", async () => {
  editor.setCode("\ny");
  move(0);
  await type("f(");
  view().dispatch({ changes: { from: 2, to: 3 } });
  await type("1");
  expect(editor.code()).toBe("f(1\ny");
  expect(shown()).toBe("f(x)");
  move(5);
  expect(shown()).toBeUndefined();
});

test("it closes when the editor loses the focus", async () => {
  editor.focus();
  await type("f(");
  expect(shown()).toBe("f(x)");
  parent.querySelector<HTMLElement>(".cm-content")!.blur();
  await expect.poll(shown).toBeUndefined();
});

test("Tab shows all help in its place", async () => {
  await type("f(");
  press("Tab", { keyCode: 9 });
  await settled();
  expect(shown()).toBeUndefined();
  expect(parent.querySelector("[role=status].sagecell_help")?.textContent).toBe("all about it");
});

describe("a late answer", () => {
  let reply: (text: string) => void;
  beforeEach(async () => {
    answer = () => new Promise((resolve) => (reply = resolve));
    await type("f(");
  });

  test("is shown while the arguments are typed", async () => {
    await type("1, 2");
    reply("Signature: f(x)");
    await settled();
    expect(shown()).toBe("f(x)");
  });

  test.each([
    ["after the call", () => move(0)],
    ["after Escape", () => press("Escape", { keyCode: 27 })],
    ["after the editor", () => editor.dispose()],
  ])("is dropped %s", async (_name, act) => {
    act();
    reply("Signature: f(x)");
    await settled();
    expect(shown()).toBeUndefined();
  });
});

test("only calls are asked about, which somebody types", async () => {
  for (const typed of [
    "(",
    "x = (",
    "def f(",
    "class Name(",
    "[1](",
    "g()(",
    "'f(",
    "# f(",
    "f[",
    "1(",
  ]) {
    editor.setCode("");
    await type(typed);
    asked = typed.startsWith("g(") ? asked.filter((code) => code !== "g") : asked;
    expect(asked, typed).toEqual([]);
  }
  editor.setCode("f(");
  view().dispatch({
    changes: { from: 2, insert: "g(" },
    selection: { anchor: 4 },
    userEvent: "input.paste",
  });
  await settled();
  expect(asked).toEqual([]);
  editor.setCode("");
  await type("größe.a_1(");
  expect(asked).toEqual(["größe.a_1"]);
});

describe("IPython's help", () => {
  test.each([
    ["a function", "Signature: f(a, b=1)\nDocstring: Adds.\nType:      function", "f(a, b=1)"],
    [
      "several lines",
      "Signature:\nf(\n    a,\n    b=1,\n) -> int\nDocstring: x",
      "f(a, b=1) -> int",
    ],
    ["a class", "Init signature: f(a)\nDocstring:     Many.\nType:           type", "f(a)"],
    ["an object", "Signature:      f(a)\nType:           F\nCall docstring: x", "f(a)"],
    ["the end", "Signature: f(a)", "f(a)"],
    [
      "a function in C",
      "Docstring:\nf(a) -> x\nf(a, b) -> y\n\nOf f(x).\nType:      builtin",
      "f(a) -> x\nf(a, b) -> y",
    ],
    [
      "a class in C",
      "Init signature: f(self, /, *args, **kwargs)\nDocstring:     \nf(stop)\nf(a, b)\n\nx",
      "f(stop)\nf(a, b)",
    ],
    ["a number", "Type:        int\nString form: 7\nDocstring:   An integer(x)", ""],
    ["nothing", "", ""],
  ])("on %s", (_name, help, signature) => {
    expect(signatureIn(help, "f")).toBe(signature);
  });
});
