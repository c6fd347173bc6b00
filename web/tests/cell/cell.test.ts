import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { editorData } from "../../src/cell/codemirror5";
import { CellForm } from "../../src/cell/form";
import type { MadeCell } from "../../src/cell/handle";
import type { CellPlan } from "../../src/cell/plan";
import { Terms } from "../../src/cell/terms";
import { PageCells } from "../../src/cells";
import { KeptPrograms } from "../../src/kept/programs";
import type { EditorOptions } from "../../src/editor/editor";
import { Server } from "../../src/kernel/server";
import { type JsonObject } from "../../src/protocol/messages";
import { FakeChannel, FakeClock, FakeFrames, countingIds, said, settled } from "../fakes";
import { FakeStorage } from "../kept/storage";
import { makeCell, planFor } from "./plans";

const ID = "01234567-89ab-cdef-0123-456789abcdef";

let element: HTMLElement;
let cell: MadeCell;
let cells: PageCells;
let channels: FakeChannel[];
let frames: FakeFrames;
let code: string;
let refusal: Response | null;
let clock: FakeClock;
let storage: FakeStorage;

beforeEach(() => {
  element = document.createElement("div");
  document.body.append(element);
  channels = [];
  frames = new FakeFrames();
  code = "print(1)";
  refusal = null;
  clock = new FakeClock();
  storage = new FakeStorage();
  cells = new PageCells({
    server: new Server({
      fetch: async () => refusal ?? new Response(JSON.stringify({ ws_url: "ws://x/", id: ID })),
      base: "http://cells.test/",
      cellSession: "tab",
    }),
    terms: new Terms({ fetch: async () => null, storage: () => localStorage }),
    openChannel: (address, events) => {
      const channel = new FakeChannel(address, events);
      channels.push(channel);
      return channel;
    },
    clock,
    newId: countingIds(),
    loadEditor:
      async () =>
      ({ parent }: EditorOptions) => {
        parent.append("the editor");
        const nothing = () => undefined;
        return {
          code: () => code,
          setCode: (fresh: string) => (code = fresh),
          focus: nothing,
          selection: () => ({ anchor: 0, head: 0 }),
          select: nothing,
          replace: nothing,
          run: nothing,
          setLanguage: nothing,
          dispose: nothing,
        };
      },
    copy: async () => undefined,
    nextFrame: frames.next,
    kept: new KeptPrograms(
      () => storage,
      () => Date.now(),
    ),
  });
  cell = makeCell(cells, planFor(element, { code, hint: "Here it will be." }));
});

afterEach(() => element.remove());

const find = (selector: string) => element.querySelector<HTMLElement>(selector)!;
const state = () => find(".sagecell_status").dataset["state"];
const says = (type: string, content: JsonObject) => {
  const channel = channels.at(-1)!;
  channel.says(said(type, content, channel.sent[0]!.msg_id));
};

async function run(): Promise<void> {
  find(".sagecell_evalButton").click();
  for (let i = 0; i < 5; i += 1) await settled();
  channels.at(-1)!.opens();
}

function replies(status: string, payload: JsonObject[] = []): void {
  says("execute_reply", { status, payload });
  says("status", { execution_state: "idle" });
}

const groups = () =>
  [...find(".sagecell_language").querySelectorAll("optgroup")].map(({ label, children }) => [
    label,
    ...[...children].map(({ textContent }) => textContent),
  ]);

/** A cell with a menu, whose server answers `told`. */
async function withMenu(told: JsonObject, language = "octave"): Promise<HTMLSelectElement> {
  refusal = new Response(JSON.stringify(told));
  element.replaceChildren();
  const languages = ["sage", "gap", "octave", "python"];
  makeCell(cells, planFor(element, { hide: new Set(), languages, language }));
  for (let i = 0; i < 5; i += 1) await settled();
  return find(".sagecell_language") as HTMLSelectElement;
}

test("the menu marks the languages that the server does not have", async () => {
  const menu = await withMenu({ languages: ["python", "sage"] });
  expect(groups()).toEqual([["Not on this server", "GAP", "Octave"]]);
  expect([...menu.options].map(({ text }) => text)).toEqual(["Sage", "Python", "GAP", "Octave"]);
  expect(menu.value).toBe("octave");
});

test.each([
  ["all of them", ["sage", "gap", "octave", "python", "r"]],
  ["that it does not know", []],
])("the menu marks none where the server says %s", async (_name, languages) => {
  const menu = await withMenu({ languages });
  expect(groups()).toEqual([]);
  expect(menu.value).toBe("octave");
});

// contract: 8
test("has the parts that pages style, and a hint until something has run", async () => {
  for (const part of ["input", "editor", "evalButton", "output", "sessionOutput", "sessionFiles"]) {
    expect(find(`.sagecell_${part}`)).not.toBeNull();
  }
  expect(find(".sagecell_hint")).not.toBeNull();
  await run();
  expect(find(".sagecell_hint")).toBeNull();
});

test("the first output of a cell that evaluates itself keeps its place", async () => {
  element.replaceChildren();
  makeCell(cells, planFor(element, { code: "1", autoeval: true }));
  const output = () => find(".sagecell_output_elements");
  expect([output().hidden, output().style.minHeight]).toEqual([false, "4.77em"]);
  await run();
  says("stream", { name: "stdout", text: "1\n" });
  replies("ok");
  frames.draw();
  expect(output().style.minHeight).toBe("4.77em");
  await run();
  expect(output().style.minHeight).toBe("");
});

test("a program's output and files appear; Stop is shown while it runs", async () => {
  expect(find(".sagecell_stopButton").hidden).toBe(true);
  await run();
  expect(state()).toBe("running");
  expect(find(".sagecell_stopButton").hidden).toBe(false);
  expect(find(".sagecell_evalButton").getAttribute("aria-disabled")).toBe("true");
  says("stream", { name: "stdout", text: "1\n" });
  replies("ok", [{ new_files: ["a b.csv"] }]);
  frames.draw();
  expect(state()).toBe("done");
  expect(find(".sagecell_stdout").textContent).toBe("1\n");
  expect(find(".sagecell_sessionFiles a").getAttribute("href")).toBe(
    `http://cells.test/kernel/${ID}/files/a%20b.csv?q=1`,
  );
  expect(find(".sagecell_stopButton").hidden).toBe(true);
  expect(find(".sagecell_evalButton").getAttribute("aria-disabled")).toBe("false");
});

test("the output is busy until all of it is drawn", async () => {
  const isBusy = () => find(".sagecell_output").getAttribute("aria-busy");
  await run();
  expect(isBusy()).toBe("true");
  says("stream", { name: "stdout", text: "1\n" });
  frames.draw();
  expect(isBusy()).toBe("true");
  says("stream", { name: "stdout", text: "2\n" });
  replies("ok");
  expect(state()).toBe("done");
  expect(isBusy()).toBe("true");
  frames.draw();
  expect(find(".sagecell_stdout").textContent).toBe("1\n2\n");
  expect(isBusy()).toBe("false");
  await run();
  expect(isBusy()).toBe("true");
  replies("ok");
  expect(isBusy()).toBe("false"); // There was no message.
});

// contract: 7.5
test("the session has the program of the last evaluation, not that of the editor", async () => {
  expect(cell.session.code).toBe("");
  await run();
  code = "print(2)";
  expect(cell.session.code).toBe("print(1)");
  cell.dispose();
  expect(cell.session.code).toBe("");
});

test("Evaluate does nothing while a program runs", async () => {
  await run();
  find(".sagecell_evalButton").click();
  cell.evaluate();
  await settled();
  expect(channels).toHaveLength(1);
});

test("the next evaluation has a kernel of its own and an empty output", async () => {
  await run();
  says("stream", { name: "stdout", text: "old" });
  replies("ok", [{ new_files: ["a"] }]);
  frames.draw();
  code = "print(2)";
  await run();
  expect(find(".sagecell_sessionOutput").textContent).not.toContain("old");
  expect(find(".sagecell_sessionFiles").childElementCount).toBe(0);
  expect(channels).toHaveLength(2);
  expect(channels[1]!.sent[0]).toMatchObject({ content: { code: "print(2)" } });
});

// contract: 8
test.each([
  ".sagecell_output",
  ".sagecell_sessionContainer",
  ".sagecell_sessionOutput",
  ".sagecell_output_elements",
])("a page may empty %s: the next output is shown", async (part) => {
  await run();
  replies("ok");
  find(part).replaceChildren();
  await run();
  says("stream", { name: "stdout", text: "new" });
  replies("ok", [{ new_files: ["a"] }]);
  frames.draw();
  expect(find(".sagecell_output .sagecell_sessionOutput").textContent).toBe("new");
  expect(find(".sagecell_sessionFiles a")).not.toBeNull();
  expect(element.querySelectorAll(".sagecell_sessionOutput")).toHaveLength(1);
});

// contract: 8
test("the output's text is the output alone, however much there is", async () => {
  await run();
  const line = `${"x".repeat(999)}\n`;
  says("stream", { name: "stdout", text: line.repeat(600) });
  frames.draw();
  expect(find(".sagecell_output").textContent).toContain("Not shown");
  expect(find(".sagecell_sessionOutput").textContent).toMatch(/^[x\n]+$/);
  expect(find(".sagecell_sessionOutput").className).toContain("sagecell_active");
});

// contract: 8, 12.8
test("the button follows the editor, also when the program is collapsible", () => {
  const places = () => {
    const button = find(".sagecell_evalButton");
    return [button.previousElementSibling?.className, button.parentElement?.className];
  };
  const expected = [expect.stringContaining("sagecell_editor"), "sagecell_input"];
  expect(places()).toEqual(expected);
  const folded = document.createElement("div");
  element.append(folded);
  makeCell(cells, planFor(folded, { collapse: true }));
  expect(places()).toEqual(expected);
  expect(folded.querySelector(".sagecell_editor > details > textarea")).not.toBeNull();
  expect(folded.querySelector("details .sagecell_evalButton")).toBeNull();
});

test("late output of an earlier program's threads is not in the later output", async () => {
  await run();
  replies("ok");
  const late = said("stream", { name: "stdout", text: "late" }, channels[0]!.sent[0]!.msg_id);
  await run();
  channels[0]!.says(late);
  channels[1]!.says(late);
  says("stream", { name: "stdout", text: "mine" });
  frames.draw();
  expect(find(".sagecell_stdout").textContent).toBe("mine");
});

test("HTML finds the kernel's files", async () => {
  await run();
  says("display_data", { data: { "text/html": "<img src='cell://plot.png?m=7'>" } });
  says("display_data", { data: { "text/image-filename": "b.png" } });
  frames.draw();
  const images = Array.from(element.querySelectorAll("img"), (image) => image.src);
  expect(images).toEqual([
    `http://cells.test/kernel/${ID}/files/plot.png?m=7`,
    `http://cells.test/kernel/${ID}/files/b.png?q=1`,
  ]);
});

test("the focus does not stay on a hidden button", async () => {
  await run();
  find(".sagecell_stopButton").focus();
  find(".sagecell_stopButton").click();
  expect(state()).toBe("stopping");
  expect(find(".sagecell_stopButton").textContent).toBe("Stop now");
  replies("error");
  expect(state()).toBe("stopped");
  expect(document.activeElement).toBe(find(".sagecell_evalButton"));
});

test("a warning is shown beside the state until the end", async () => {
  await run();
  channels[0]!.says(said("sagecell_warning", { reason: "lifetime", message: "Soon it is over." }));
  expect(find(".sagecell_warning").textContent).toBe("Soon it is over.");
  expect(state()).toBe("running");
  expect(find(".sagecell_sessionOutput").textContent).not.toContain("Soon");
  replies("ok");
  expect(find(".sagecell_warning").textContent).toBe("");
});

test("the old output stays until the server has started the next program", async () => {
  await run();
  says("stream", { name: "stdout", text: "the old output" });
  replies("ok");
  frames.draw();
  refusal = new Response("<html>", { status: 502 });
  find(".sagecell_evalButton").click();
  for (let i = 0; i < 5; i += 1) await settled();
  expect(state()).toBe("away");
  expect(find(".sagecell_status").textContent).toContain("Trying again");
  expect(find(".sagecell_sessionOutput").textContent).toContain("the old output");
  refusal = null;
  clock.advance(1);
  for (let i = 0; i < 5; i += 1) await settled();
  channels.at(-1)!.opens();
  says("stream", { name: "stdout", text: "new" });
  replies("ok");
  frames.draw();
  expect(find(".sagecell_stdout").textContent).toBe("new");
});

test("a refusal is shown, and the next try may succeed", async () => {
  refusal = new Response('{"error":"busy","message":"Come back later."}', { status: 503 });
  find(".sagecell_evalButton").click();
  for (let i = 0; i < 5; i += 1) await settled();
  expect(find(".sagecell_status").textContent).toBe("Not started: Come back later.");
  refusal = null;
  await run();
  expect(state()).toBe("running");
});

describe("permalinks of runs", () => {
  let links: string[];

  beforeEach(() => {
    links = [];
    element.replaceChildren();
    const plan = planFor(element, {
      code,
      language: "r",
      permalink: true,
      permalinkId: "opened",
      onPermalink: (...link) => links.push(link.join(" ")),
    });
    cell = makeCell(cells, plan);
  });

  const wish = () => channels.at(-1)!.sent[0]!.metadata["sagecell"];
  const shown = () => find(".sagecell_permalink input") as HTMLInputElement;

  test("a program that is stored already is not stored again", async () => {
    await run();
    expect(wish()).toEqual({ wait: true });
    find(".sagecell_shareButton").click();
    expect(shown().value).toBe("http://cells.test/?q=opened");
  });

  test("another one is, as it is in the editor, and Share has it at once", async () => {
    code = "plot(2)";
    await run();
    expect(wish()).toEqual({ permalink: true, code: "plot(2)", wait: true });
    replies("ok");
    says("sagecell_permalink", { id: "abc" });
    expect(links).toEqual(["abc http://cells.test/?q=abc"]);
    find(".sagecell_shareButton").click();
    expect(shown().value).toBe("http://cells.test/?q=abc");
    await run();
    expect(wish()).toEqual({ wait: true });
    expect(cell.session.kernel).not.toBeNull();
  });

  test("one that the server does not store is asked for again", async () => {
    code = "plot(2)";
    await run();
    says("sagecell_permalink", { error: "store_full", message: "Full." });
    replies("ok");
    expect(links).toEqual([]);
    await run();
    expect(wish()).toEqual({ permalink: true, code: "plot(2)", wait: true });
  });

  test("a cell that is gone tells nobody", async () => {
    code = "plot(2)";
    await run();
    cell.dispose();
    says("sagecell_permalink", { id: "abc" });
    expect(links).toEqual([]);
  });
});

describe("a later visit", () => {
  const later = (wishes: Partial<CellPlan> = {}) => {
    const place = document.createElement("div");
    element.append(place);
    const plan = planFor(place, { code: "print(1)", editor: "textarea", ...wishes });
    const form = new CellForm(plan, new FakeClock());
    return { place, made: cells.make(plan, form), data: editorData(form.editor) };
  };

  beforeEach(async () => {
    const { place, made, data } = later({ languages: ["sage", "r"], language: "sage" });
    data.setValue("mine");
    const select = place.querySelector("select")!;
    select.value = "r";
    select.dispatchEvent(new Event("change"));
    made.evaluate();
    for (let i = 0; i < 5; i += 1) await settled();
    channels.at(-1)!.opens();
    says("stream", { name: "stdout", text: "kept" });
    says("display_data", { data: { "text/html": "<b onclick=x()>b</b><script>x()</script>" } });
    says("display_data", { data: { "text/image-filename": "a.png" } });
    const interact = { new_interact_id: "i", controls: {}, layout: [] };
    says("display_data", {
      data: { "application/sage-interact": interact, "text/plain": "Sage Interact" },
    });
    replies("ok", [{ new_files: ["a b"] }]);
    // The same cell of the same page, loaded again.
    const texts = [...storage.items.entries()];
    storage.items.clear();
    for (const [key, text] of texts) storage.items.set(key.replace(/1$/, "2"), text);
    expect(texts).toHaveLength(1);
  });

  test("restores program, language, output and files, sanitised", () => {
    const { place, data } = later({ languages: ["sage", "r"], language: "sage", scripts: "page" });
    place.querySelector<HTMLElement>(".sagecell_restore")!.click();
    frames.draw();
    expect(data.getValue()).toBe("mine");
    expect(place.querySelector("select")!.value).toBe("r");
    expect(place.querySelector(".sagecell_stdout")!.textContent).toBe("kept");
    const html = place.querySelector(".sagecell_html")!;
    expect(html.querySelector("script, [onclick]")).toBeNull();
    expect(html.textContent).toContain("b");
    expect(place.querySelector("img")!.src).toContain(`/kernel/${ID}/files/a.png`);
    const output = place.querySelector(".sagecell_sessionOutput")!.textContent;
    expect(output).toContain("controls come back when you evaluate");
    expect(output).not.toContain("Sage Interact");
    const link = place.querySelector(".sagecell_sessionFiles a")!;
    expect(link.getAttribute("href")).toContain(`/kernel/${ID}/files/a%20b`);
  });

  test.each<Partial<CellPlan>>([{ keep: false }, { code: "print(2)" }])(
    "offers nothing to a cell with %j",
    (wishes) => {
      later();
      const { place } = later(wishes);
      expect(place.querySelector(".sagecell_restore")).toBeNull();
    },
  );
});

describe("a program that asks", () => {
  const question = () => find(".sagecell_question");
  const sent = () => channels.at(-1)!.sent.filter(({ channel }) => channel === "stdin");

  test("gets what the reader types, which is echoed", async () => {
    await run();
    expect(channels.at(-1)!.sent[0]!.content["allow_stdin"]).toBe(true);
    says("input_request", { prompt: "Name? ", password: false });
    frames.draw();
    expect(find(".sagecell_asks").textContent).toBe("Asks: Name?");
    question().querySelector("input")!.value = "Ada";
    question().querySelector("button")!.click();
    expect(sent().map(({ content }) => content)).toEqual([{ value: "Ada" }]);
    replies("ok");
    frames.draw();
    expect(question().hidden).toBe(true);
    expect(find(".sagecell_stdout").textContent).toBe("Name? Ada\n");
    expect([...storage.items.values()].join()).toContain("Name? Ada");
  });

  test("does not wait for a reader who has stopped it", async () => {
    await run();
    says("input_request", { prompt: "Name? ", password: false });
    frames.draw();
    find(".sagecell_stopButton").click();
    replies("error");
    frames.draw();
    expect([question().hidden, state(), sent()]).toEqual([true, "stopped", []]);
    expect(find(".sagecell_stdout").textContent).toBe("Name? \n");
  });

  test("is told that nobody answers where its output is hidden", async () => {
    element.replaceChildren();
    makeCell(cells, planFor(element, { code, hide: new Set(["output"]) }));
    await run();
    expect(channels.at(-1)!.sent[0]!.content["allow_stdin"]).toBe(false);
  });
});
