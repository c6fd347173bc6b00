import { afterEach, beforeEach, expect, test } from "vitest";

import { CellForm } from "../../src/cell/form";
import type { CellPlan } from "../../src/cell/plan";
import { FakeClock } from "../fakes";
import { planFor } from "./plans";

let element: HTMLElement;
let done: string[];

beforeEach(() => {
  element = document.createElement("div");
  element.innerHTML = "<script type='text/x-sage'>print(1)</script>";
  document.body.append(element);
  done = [];
});
afterEach(() => document.body.replaceChildren());

const formFor = (wishes: Partial<CellPlan> = {}) =>
  new CellForm(planFor(element, wishes), new FakeClock());
const connect = (form: CellForm) =>
  form.connect({
    evaluate: () => done.push("evaluate"),
    stop: () => done.push("stop"),
    share: () => done.push("share"),
  });
const find = (selector: string) => element.querySelector<HTMLElement>(selector)!;
const status = () => find(".sagecell_status").textContent;

// contract: 8
test("a cell's program and buttons are there at once", () => {
  formFor({ languages: ["python", "r"], hide: new Set() });
  expect(element.className).toBe("sagecell");
  for (const name of ["input", "editor", "commands", "evalButton", "language", "fullScreen"]) {
    expect(find(`.sagecell_${name}`), name).not.toBeNull();
  }
  expect(element.querySelector("textarea")!.value).toBe("print(1)");
  expect(find(".sagecell_input").getAttribute("aria-label")).toBe("Cell 1");
});

test("what was pressed before the cell is there is done then, once", () => {
  const form = formFor();
  find(".sagecell_evalButton").click();
  find(".sagecell_evalButton").click();
  expect([done, status()]).toEqual([[], "Starting…"]);
  connect(form);
  expect(done).toEqual(["evaluate"]);
  find(".sagecell_stopButton").click();
  find(".sagecell_shareButton").click();
  expect(done).toEqual(["evaluate", "stop", "share"]);
});

test("what was stopped before the cell is there is not done", () => {
  const form = formFor();
  find(".sagecell_evalButton").click();
  find(".sagecell_stopButton").click();
  expect(status()).toContain("Stopped");
  connect(form);
  expect(done).toEqual([]);
});

test("Shift-Enter in the text area evaluates, and a language that is chosen stays", () => {
  const form = formFor({ languages: ["python", "r"], hide: new Set() });
  const key = new KeyboardEvent("keydown", { key: "Enter", shiftKey: true });
  element.querySelector("textarea")!.dispatchEvent(key);
  const select = element.querySelector("select")!;
  select.value = "r";
  select.dispatchEvent(new Event("change"));
  connect(form);
  expect([done, form.language]).toEqual([["evaluate"], "r"]);
  expect(element.querySelector("textarea")!.getAttribute("aria-label")).toBe("R program of cell 1");
});

test("where there will be no cell, the page has again what it had", () => {
  const before = element.innerHTML;
  const form = formFor();
  form.giveUp();
  expect(element.innerHTML).toBe(before);
});

test("nothing is shown before the style sheet is there, but its room is taken", () => {
  const form = formFor();
  form.reserve(Infinity);
  expect(form.input.style.visibility).toBe("hidden");
  expect(form.input.style.height).toMatch(/em/);
  form.reveal();
  expect(form.input.getAttribute("style")).toBe("");
});

test("a cell that evaluates itself has room for its output and the look of a running one", () => {
  const place = () => element.querySelector<HTMLElement>(".sagecell_outputPlace");
  formFor();
  expect(place()).toBeNull();
  const form = formFor({ autoeval: true });
  expect([place()!.style.height, status()]).toEqual(["4.77em", "Starting…"]);
  expect(find(".sagecell_stopButton").hidden).toBe(false);
  connect(form);
  expect([place(), form.isCalledOff, done]).toEqual([null, false, []]);
  formFor({ autoeval: true }).dispose();
  expect(element.innerHTML).toBe("");
});

test("such a cell can be stopped before it is there", () => {
  const form = formFor({ autoeval: true });
  find(".sagecell_stopButton").click();
  expect(form.isCalledOff).toBe(true);
  find(".sagecell_evalButton").click();
  expect(form.isCalledOff).toBe(false);
});
