import { afterEach, beforeEach, expect, test } from "vitest";

import { QuestionForm } from "../../../src/output/text/question";
import { FakeClock, FakeFrames } from "../../fakes";

let clock: FakeClock;
let frames: FakeFrames;
let cell: HTMLElement;
let editor: HTMLInputElement;
let form: QuestionForm;
let answers: string[];
let printed: string;
let asked: (string | null)[];

beforeEach(() => {
  clock = new FakeClock();
  frames = new FakeFrames();
  cell = document.createElement("div");
  editor = document.createElement("input");
  answers = [];
  printed = "";
  asked = [];
  form = new QuestionForm({
    answer: (text) => answers.push(text),
    echo: (text) => (printed += text),
    focused: () =>
      cell.contains(document.activeElement) ? (document.activeElement as HTMLElement) : null,
    onAsked: (label) => asked.push(label),
    after: (seconds, act) => clock.after(seconds, act),
    nextFrame: frames.next,
  });
  cell.append(editor, form.element);
  document.body.append(cell);
});

afterEach(() => cell.remove());

const field = () => form.element.querySelector("input")!;
const ask = (prompt: string, isSecret = false) => {
  form.ask({ prompt, isSecret });
  frames.draw();
};
const press = (key: string, options: KeyboardEventInit = {}) =>
  field().dispatchEvent(
    new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...options }),
  );

test("a question has a labelled field, and Enter sends what was typed", () => {
  ask("Name? ");
  expect(form.element.hidden).toBe(false);
  expect(field().labels![0]!.textContent).toBe("Name?");
  expect(asked).toEqual(["Name?"]);
  field().value = "Ada";
  expect(press("Enter")).toBe(false); // No form of the page around is submitted.
  expect(answers).toEqual(["Ada"]);
  expect(printed).toBe("Name? Ada\n");
  press("Enter");
  expect(answers).toEqual(["Ada"]);
});

test("the button sends, too; Enter that ends a composition does not", () => {
  ask("");
  expect(field().labels![0]!.textContent).toBe("The program waits for a line of text");
  field().value = "日本";
  press("Enter", { isComposing: true });
  expect(answers).toEqual([]);
  form.element.querySelector("button")!.click();
  expect(answers).toEqual(["日本"]);
});

test("a password is neither shown nor echoed nor filled in by the browser", () => {
  ask("Password: ", true);
  expect([field().type, field().autocomplete]).toEqual(["password", "new-password"]);
  field().value = "secret";
  press("Enter");
  expect([answers, printed, field().value]).toEqual([["secret"], "Password: \n", ""]);
  ask("Name? ");
  expect(field().type).toBe("text");
});

test("the focus moves only if it was in the cell, and comes back", () => {
  ask("a");
  expect(document.activeElement).toBe(document.body);
  form.drop();
  editor.focus();
  ask("b");
  expect(document.activeElement).toBe(field());
  press("Enter");
  ask("c"); // at once: the field keeps the focus
  expect(document.activeElement).toBe(field());
  press("Enter");
  clock.advance(2);
  expect(form.element.hidden).toBe(true);
  expect(document.activeElement).toBe(editor);
});

test("a question that nobody waits for any more becomes a part of the output", () => {
  ask("Name? ");
  field().value = "A";
  form.end();
  expect([printed, form.element.hidden, answers]).toEqual(["Name? \n", true, []]);
  expect(asked).toEqual(["Name?", null]);
  form.end();
  expect(printed).toBe("Name? \n");
});

test("questions in a burst are shown once, and a long one is cut in its label alone", () => {
  for (let i = 0; i < 1000; i += 1) form.ask({ prompt: `${i}`, isSecret: false });
  expect(frames.draw()).toBe(1);
  expect(asked).toEqual(["999"]);
  expect(printed.split("\n")).toHaveLength(1000);
  ask("\u001b[31mx".repeat(5000));
  expect(field().labels![0]!.textContent.length).toBeLessThan(2001);
  printed = "";
  press("Enter");
  expect(printed).toHaveLength(5000 * 6 + 1);
});

test("a question that is dropped before it is shown is never shown", () => {
  form.ask({ prompt: "a", isSecret: false });
  form.drop();
  form.drop();
  frames.draw();
  expect([form.element.hidden, printed, asked]).toEqual([true, "", []]);
});
