import { afterEach, beforeEach, describe, expect, test } from "vitest";

import type { MadeCell } from "../../src/cell/handle";
import { Terms } from "../../src/cell/terms";
import { PageCells } from "../../src/cells";
import type { EditorOptions } from "../../src/editor/editor";
import { Server } from "../../src/kernel/server";
import { type JsonObject } from "../../src/protocol/messages";
import { FakeChannel, FakeClock, FakeFrames, countingIds, said, settled } from "../fakes";
import { makeCell, planFor } from "./plans";

const ID = "01234567-89ab-cdef-0123-456789abcdef";

let element: HTMLElement;
let cell: MadeCell;
let channels: FakeChannel[];
let frames: FakeFrames;
let code: string;
let refusal: Response | null;
let cells: PageCells;

beforeEach(() => {
  element = document.createElement("div");
  document.body.append(element);
  channels = [];
  frames = new FakeFrames();
  code = "print(1)";
  refusal = null;
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
    clock: new FakeClock(),
    newId: countingIds(),
    loadEditor:
      async () =>
      ({ parent }: EditorOptions) => {
        parent.append("the editor");
        const nothing = () => undefined;
        return {
          code: () => code,
          setCode: nothing,
          focus: nothing,
          setLanguage: nothing,
          dispose: nothing,
        };
      },
    copy: async () => undefined,
    nextFrame: frames.next,
  });
  cell = makeCell(cells, planFor(element, { code, hint: "Here it will be.", plainPython: true }));
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

// contract: 8
test("has the parts that pages style, and a hint until something has run", async () => {
  for (const part of ["input", "editor", "evalButton", "output", "sessionOutput", "sessionFiles"]) {
    expect(find(`.sagecell_${part}`)).not.toBeNull();
  }
  expect(find(".sagecell_hint")).not.toBeNull();
  await run();
  expect(find(".sagecell_hint")).toBeNull();
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
    expect(wish()).toBeUndefined();
    find(".sagecell_shareButton").click();
    expect(shown().value).toBe("http://cells.test/?q=opened");
  });

  test("another one is, as it is in the editor, and Share has it at once", async () => {
    code = "plot(2)";
    await run();
    expect(wish()).toEqual({ permalink: true, code: "plot(2)" });
    replies("ok");
    says("sagecell_permalink", { id: "abc" });
    expect(links).toEqual(["abc http://cells.test/?q=abc"]);
    find(".sagecell_shareButton").click();
    expect(shown().value).toBe("http://cells.test/?q=abc");
    await run();
    expect(wish()).toBeUndefined();
    expect(cell.session.kernel).not.toBeNull();
  });

  test("one that the server does not store is asked for again", async () => {
    code = "plot(2)";
    await run();
    says("sagecell_permalink", { error: "store_full", message: "Full." });
    replies("ok");
    expect(links).toEqual([]);
    await run();
    expect(wish()).toEqual({ permalink: true, code: "plot(2)" });
  });

  test("a cell that is gone tells nobody", async () => {
    code = "plot(2)";
    await run();
    cell.dispose();
    says("sagecell_permalink", { id: "abc" });
    expect(links).toEqual([]);
  });
});
