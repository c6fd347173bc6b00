import { beforeEach, describe, expect, test, vi } from "vitest";

import type { FrameEvents, OutputFrame } from "../../src/output/frame/frame";
import { Output } from "../../src/output/output";
import { describeHidden } from "../../src/output/overflow";
import { harmless } from "../../src/output/policy";
import { trusted } from "../../src/output/trusted";
import { type JsonObject } from "../../src/protocol/messages";
import { FakeFrames, heard, reports } from "../fakes";

let frames: FakeFrames;
let output: Output;
let milliseconds: number;

function fresh(limit = { items: 5, characters: 200_000 }): void {
  frames = new FakeFrames();
  milliseconds = 0;
  output = new Output({ nextFrame: frames.next, now: () => milliseconds, limit });
  output.begin(harmless({ fileAddress: () => null }));
}
beforeEach(() => fresh());

const take = (type: string, content: JsonObject) => output.append(heard(type, content));
const print = (text: string, name = "stdout") => take("stream", { name, text });
const show = (text: string, id = "", type = "display_data") =>
  take(type, { data: { "text/plain": text }, transient: { display_id: id } });
const blocks = () =>
  Array.from(output.block.firstElementChild!.children, (element) => [
    element.className,
    element.textContent,
  ]);
const overflow = () => output.element.lastElementChild as HTMLElement;
const press = (name: string) =>
  Array.from(overflow().querySelectorAll("button"))
    .find(({ textContent }) => textContent === name)!
    .click();

test("nothing is drawn before the next frame, and all messages of a frame in one", () => {
  for (let i = 0; i < 1000; i += 1) print(`${i}\n`);
  expect(blocks()).toEqual([]);
  expect(frames.draw()).toBe(1);
  expect(blocks()).toHaveLength(1);
  expect(blocks()[0]![1]).toMatch(/^0\n1\n[^]*999\n$/);
});

test("scripts and data: addresses leave room for what can be seen", () => {
  fresh({ items: 100, characters: 500_000 });
  const large = "x".repeat(600_000);
  const plain = "<IPython.lib.display.Audio object>";
  const html = (source: string) =>
    take("display_data", { data: { "text/html": source, "text/plain": plain } });
  for (let i = 0; i < 3; i += 1) html(`<div>plot</div><script>${large}</script>`);
  html(`<audio controls src="data:audio/wav;base64,${large}"></audio>`);
  html(`<style>${large}</style><!--${large}--><p>table</p>`);
  print("after");
  frames.draw();
  expect(overflow().hidden).toBe(true);
  expect(blocks().at(-1)).toEqual(["sagecell_stdout", "after"]);
  html(large);
  print("more");
  frames.draw();
  expect(overflow().hidden).toBe(false);
});

// contract: 4.16, 4.17, 11.8
test("output is in the order of the messages", () => {
  print("a");
  print("b", "stderr");
  show("value");
  print("c");
  take("error", { traceback: ["Oops"] });
  frames.draw();
  expect(blocks()).toEqual([
    ["sagecell_stdout", "a"],
    ["sagecell_stderr", "b"],
    ["sagecell_value", "value"],
    ["sagecell_stdout", "c"],
    ["sagecell_pyerr", "Oops"],
  ]);
});

// contract: 4.17, 8
test("tracebacks keep their colours", () => {
  take("error", { traceback: ["\u001b[1;31mZeroDivisionError\u001b[0m: by zero", "line 1"] });
  frames.draw();
  const box = output.element.querySelector(".sagecell_pyerr")!;
  expect(box.tagName).toBe("PRE");
  expect(box.querySelector(".ansi-red-fg.ansi-bold")?.textContent).toBe("ZeroDivisionError");
  expect(box.textContent).toBe("ZeroDivisionError: by zero\nline 1");
});

// contract: 4.19, 8
test("a pager's text has a block of its own", () => {
  take("execute_reply", { payload: [{ source: "page", data: { "text/plain": "len(obj)" } }] });
  frames.draw();
  expect(blocks()).toEqual([["sagecell_payload", "len(obj)"]]);
});

// contract: 4.16
test("a stream continues over several frames", () => {
  print("10%");
  frames.draw();
  print("\r20%");
  frames.draw();
  print("\r30%\ndone");
  frames.draw();
  expect(blocks()).toEqual([["sagecell_stdout", "30%\ndone"]]);
});

test("a long frame leaves the rest to the next", () => {
  output = new Output({ nextFrame: frames.next, now: () => (milliseconds += 20) });
  for (let i = 0; i < 4; i += 1) show(String(i));
  expect(frames.draw()).toBeGreaterThan(3);
  expect(blocks().map(([, text]) => text)).toEqual(["0", "1", "2", "3"]);
});

test("clear_output replaces the output within one frame", () => {
  print("a");
  frames.draw();
  take("clear_output", { wait: true });
  frames.draw();
  expect(blocks()).toEqual([["sagecell_stdout", "a"]]);
  print("b");
  frames.draw();
  expect(blocks()).toEqual([["sagecell_stdout", "b"]]);
  take("clear_output", { wait: false });
  frames.draw();
  expect(blocks()).toEqual([]);
});

describe("update_display_data", () => {
  test("changes what is shown, in its place", () => {
    show("one", "x");
    show("two", "y");
    frames.draw();
    show("new", "x", "update_display_data");
    show("newer", "x", "update_display_data");
    frames.draw();
    expect(blocks().map(([, text]) => text)).toEqual(["newer", "two"]);
  });

  test("before the first frame, or after a clear, shows the last state once", () => {
    show("one", "x");
    show("new", "x", "update_display_data");
    frames.draw();
    expect(blocks().map(([, text]) => text)).toEqual(["new"]);
    take("clear_output", { wait: false });
    show("ghost", "x", "update_display_data");
    frames.draw();
    expect(blocks()).toEqual([]);
  });
});

describe("more than the page shows", () => {
  test("there is a notice, and more on demand, until all is shown", () => {
    for (let i = 0; i < 12; i += 1) show(`${i}`);
    frames.draw();
    expect(blocks()).toHaveLength(5);
    expect(overflow().hidden).toBe(false);
    expect(overflow().textContent).toContain("Not shown: 9 characters in 7 parts.");
    press("Show more");
    frames.draw();
    expect(blocks()).toHaveLength(10);
    press("Show more");
    frames.draw();
    expect(blocks().map(([, text]) => text)).toEqual(Array.from({ length: 12 }, (_, i) => `${i}`));
    expect(overflow().hidden).toBe(true);
  });

  test("output up to the limit needs no notice", () => {
    for (let i = 0; i < 5; i += 1) show(`${i}`);
    frames.draw();
    expect(overflow().hidden).toBe(true);
  });

  test("a long text is cut, whole lines and single ones alike", () => {
    for (const text of ["a line of text\n".repeat(100_000), "x".repeat(1_500_000)]) {
      fresh();
      print(text);
      frames.draw();
      const shown = blocks()[0]![1]!;
      expect(shown.length).toBeGreaterThanOrEqual(200_000);
      expect(shown.length).toBeLessThan(300_000);
      expect(text.startsWith(shown)).toBe(true);
      for (let i = 0; i < 10; i += 1) {
        press("Show more");
        frames.draw();
      }
      expect(blocks()[0]![1]).toBe(text);
      expect(overflow().hidden).toBe(true);
    }
  });

  test("an error is shown once, however much precedes it", () => {
    for (let i = 0; i < 7; i += 1) show(`${i}`);
    take("error", { traceback: ["ZeroDivisionError"] });
    frames.draw();
    expect(overflow().querySelector(".sagecell_pyerr")?.textContent).toBe("ZeroDivisionError");
    press("Show more");
    frames.draw();
    expect(output.element.querySelectorAll(".sagecell_pyerr")).toHaveLength(1);
    expect(blocks().at(-1)).toEqual(["sagecell_pyerr", "ZeroDivisionError"]);
  });

  test("a progress bar does not count as long text", () => {
    for (let i = 0; i <= 20_000; i += 1) print(`\r${String(i).padStart(40)}`);
    frames.draw();
    expect(blocks()[0]![1]?.trim()).toBe("20000");
    expect(overflow().hidden).toBe(true);
  });

  test("the next program begins with an empty output", () => {
    for (let i = 0; i < 12; i += 1) show(`${i}`);
    frames.draw();
    press("Show more");
    output.begin(harmless({ fileAddress: () => null }));
    expect(blocks()).toEqual([]);
    expect(overflow().hidden).toBe(true);
    for (let i = 0; i < 12; i += 1) show(`${i}`);
    frames.draw();
    expect(blocks()).toHaveLength(5);
  });

  /** Presses "Download all as text"; the file. */
  const downloaded = (): Blob | undefined => {
    let blob: Blob | undefined;
    vi.stubGlobal("URL", {
      createObjectURL: (given: Blob) => ((blob = given), "blob:all"),
      revokeObjectURL: () => undefined,
    });
    const names: string[] = [];
    vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(function (
      this: HTMLAnchorElement,
    ) {
      names.push(this.download);
    });
    press("Download all as text");
    vi.unstubAllGlobals();
    expect(names).toEqual(["output.txt"]);
    return blob;
  };

  test("all of it can be downloaded as text", () => {
    print("\x1b[31mred\x1b[0m\n");
    for (let i = 0; i < 6; i += 1) show(`${i}`);
    frames.draw();
    expect(downloaded()?.size).toBe("red\n0\n1\n2\n3\n4\n5\n".length);
  });

  test("of HTML, so much is downloaded as text as does not block the page", () => {
    for (let i = 0; i < 6; i += 1) show(`${i}`);
    for (const size of [3_000_000, 2_000_001, 2_000_000, 1]) {
      take("display_data", { data: { "text/html": "x".repeat(size) } });
    }
    frames.draw();
    const named = "[HTML of 2000001 characters]\n[HTML of 1 characters]\n";
    expect(downloaded()?.size).toBe("0\n1\n2\n3\n4\n5\n".length + 5_000_002 + named.length);
  });
});

test.each([
  [1, 1, "Not shown: 1 character."],
  [3, 1_234_567, "Not shown: 1,234,567 characters in 3 parts."],
  [1, 0, "Not shown: 1 part."],
])("the notice for %d items with %d characters", (items, characters, words) => {
  expect(describeHidden(items, characters)).toContain(words);
});

test("the height of the last output is kept until the program has ended", async () => {
  vi.spyOn(output.element, "offsetHeight", "get").mockReturnValue(640);
  output.begin(harmless({ fileAddress: () => null }));
  // Without output, nothing is measured: a page may have many cells.
  expect(output.element.style.minHeight).toBe("");
  print("shown");
  frames.draw();
  output.begin(harmless({ fileAddress: () => null }));
  expect(output.element.style.minHeight).toBe("640px");
  const settling = output.settle();
  frames.draw();
  await settling;
  expect(output.element.style.minHeight).toBe("");
});

test("`dispose` removes the output, and requested frames draw nothing", () => {
  document.body.append(output.element);
  print("drawn");
  frames.draw();
  print("late");
  output.dispose();
  output.dispose();
  expect(output.element.isConnected).toBe(false);
  frames.draw();
  expect(blocks()).toEqual([]);
});

describe("an item that cannot be shown", () => {
  const broken = () => {
    const showing = harmless({ fileAddress: () => null });
    const html = (source: string) => {
      if (source === "broken") throw new Error("a mistake");
      return showing.html(source);
    };
    output.begin({ ...showing, html });
  };
  const html = (source: string, id = "", type = "display_data") =>
    take(type, { data: { "text/html": source }, transient: { display_id: id } });

  test("is reported once and replaced by a note, and the next is shown", () => {
    const reported = reports();
    broken();
    html("broken");
    print("after it");
    frames.draw();
    print(", and later");
    frames.draw();
    expect(blocks()).toEqual([
      ["sagecell_note", "This part of the output could not be shown."],
      ["sagecell_stdout", "after it, and later"],
    ]);
    expect(reported()).toMatchObject([[expect.anything(), { message: "a mistake" }]]);
    expect(output.isDrawn).toBe(true);
  });

  test("may become one that can, and vice versa", () => {
    reports();
    broken();
    html("broken", "d");
    frames.draw();
    html("<b>mended</b>", "d", "update_display_data");
    frames.draw();
    expect(output.element.querySelector("b")?.textContent).toBe("mended");
    html("broken", "d", "update_display_data");
    frames.draw();
    expect(blocks()).toEqual([["sagecell_note", "This part of the output could not be shown."]]);
  });
});

describe("displays with scripts", () => {
  const script = "<p>drawn</p><script>draw()</script>";
  let said: unknown[];
  let made: FrameEvents[];
  let disposed: number;

  /** A frame that notes what it is told. */
  function frameFor(events: FrameEvents): OutputFrame {
    made.push(events);
    const element = document.createElement("div");
    element.className = "frame";
    return {
      element,
      show: (id: number, item: { kind: string; data?: JsonObject }) =>
        said.push(["show", id, item.data?.["text/html"] ?? item.data?.["text/plain"] ?? item.kind]),
      update: (id: number) => said.push(["update", id]),
      text: (name: string) => ({ size: 0, write: (text: string) => said.push([name, text]) }),
      clear: () => said.push("clear"),
      settled: () => Promise.resolve(),
      dispose: () => {
        disposed += 1;
        element.remove();
      },
    } as unknown as OutputFrame;
  }

  beforeEach(() => {
    said = [];
    made = [];
    disposed = 0;
    begin();
  });

  const begin = () => {
    const live = (data: JsonObject) => {
      if (data["text/plain"] !== "controls") return null;
      return Object.assign(document.createElement("div"), { className: "controls" });
    };
    output.begin(harmless({ fileAddress: () => null, frame: frameFor, live }));
  };
  const html = (source: string, id = "", type = "display_data") =>
    take(type, { data: { "text/html": source }, transient: { display_id: id } });

  test("stand in a frame, and so does all that comes after them, but for controls", () => {
    print("before");
    html("<b>plain</b>");
    html(script);
    print("after");
    show("controls");
    show("value");
    take("error", { traceback: ["Oops"] });
    frames.draw();
    expect(blocks().map(([name]) => name)).toEqual([
      "sagecell_stdout",
      "sagecell_html",
      "frame",
      "controls",
    ]);
    press("Show more");
    frames.draw();
    expect(made).toHaveLength(1);
    expect(said).toEqual([
      ["show", 2, script],
      ["stdout", "after"],
      ["show", 5, "value"],
      ["show", 6, "error"],
    ]);
  });

  test("leave frames with files of the program, which have a sandbox of their own, and links to files in the page", () => {
    html(script);
    html('<iframe src="cell://scene.html" title="3D scene" width="100%"></iframe>');
    html('<p>Look: <iframe src="cell://other.html"></iframe></p>');
    take("display_data", { data: { "application/x-file": "plot.pdf", "text/plain": "plot.pdf" } });
    frames.draw();
    expect(blocks().map(([name]) => name)).toEqual(["frame", "sagecell_html", "sagecell_value"]);
    expect(said).toEqual([
      ["show", 0, script],
      ["show", 2, '<p>Look: <iframe src="cell://other.html"></iframe></p>'],
    ]);
  });

  test("have the elements that their scripts may look for", () => {
    print("before");
    html('<div id="plot"></div>');
    print("between");
    take("display_data", { data: { "application/javascript": "plot()", "text/plain": "js" } });
    frames.draw();
    expect(blocks().map(([name]) => name)).toEqual(["sagecell_stdout", "frame"]);
    expect(said.slice(said.lastIndexOf("clear") + 1)).toEqual([
      ["show", 1, '<div id="plot"></div>'],
      ["stdout", "between"],
      ["show", 3, "js"],
    ]);
  });

  test("find what was loaded before in the frame when output was cleared, and none in the next run", () => {
    html(script);
    frames.draw();
    take("clear_output", { wait: true });
    print("again");
    frames.draw();
    expect(made).toHaveLength(1);
    expect(said.slice(said.lastIndexOf("clear"))).toEqual(["clear", ["stdout", "again"]]);
    expect(blocks().map(([name]) => name)).toEqual(["frame"]);
    begin();
    expect(disposed).toBe(1);
    print("next");
    frames.draw();
    expect(blocks()).toEqual([["sagecell_stdout", "next"]]);
    output.dispose();
    expect(disposed).toBe(1);
  });

  test("are updated in the frame, and one that an update makes stands in it", () => {
    html("<b>plain</b>", "x");
    print("after");
    frames.draw();
    html(script, "x", "update_display_data");
    frames.draw();
    html("<i>new</i>", "x", "update_display_data");
    frames.draw();
    expect(blocks().map(([name]) => name)).toEqual(["frame"]);
    expect(said.slice(said.lastIndexOf("clear") + 1)).toEqual([
      ["show", 0, script],
      ["stdout", "after"],
      ["update", 0],
    ]);
  });

  test("are said again to a frame that has lost them", () => {
    html(script);
    frames.draw();
    made[0]!.onLost();
    frames.draw();
    expect(said).toEqual([["show", 0, script], "clear", ["show", 0, script]]);
  });

  test("are made harmless where the frame fails, and that is said", () => {
    html(script);
    print("after");
    frames.draw();
    made[0]!.onFailed("It could not be loaded.");
    frames.draw();
    expect(blocks()).toEqual([
      ["sagecell_note", "It could not be loaded."],
      ["sagecell_html", "drawnA script in this output was not run."],
      ["sagecell_stdout", "after"],
    ]);
    expect(disposed).toBe(1);
    html(script);
    frames.draw();
    expect(made).toHaveLength(1);
  });

  test("that are pictures, data or plain need none", () => {
    take("display_data", { data: { "image/png": "iVBORw0KGgo=", "application/javascript": "1" } });
    html('<script type="application/json">{}</script><b>data</b>');
    frames.draw();
    expect(made).toHaveLength(0);
  });

  const VIEW = "application/vnd.jupyter.widget-view+json";
  const widget = (id: string) =>
    take("display_data", { data: { [VIEW]: { model_id: id }, "text/plain": `Widget(${id})` } });

  test("widgets stand in it, and what follows them", () => {
    print("before");
    widget("m");
    print("after");
    frames.draw();
    expect(said).toEqual([
      ["show", 1, "Widget(m)"],
      ["stdout", "after"],
    ]);
    expect(blocks().map(([name]) => name)).toEqual(["sagecell_stdout", "frame"]);
  });

  test("where scripts are the page's, it is for widgets; HTML that scripts use stays in the page", () => {
    fresh({ items: 100, characters: 1000 });
    const fileAddress = () => null;
    output.begin(trusted({ fileAddress, fileBase: () => "", frame: frameFor }));
    html('<i id="place">named</i>');
    html("<script>window.ran = 1</script><i>script</i>");
    frames.draw();
    expect(made).toEqual([]);
    widget("m");
    print("after");
    html("<i>plain</i>");
    html("<script>window.ran = 2</script><b>below</b>");
    frames.draw();
    expect(said).toEqual([
      ["show", 2, "Widget(m)"],
      ["stdout", "after"],
      ["show", 4, "<i>plain</i>"],
    ]);
    expect(blocks().map(([, text]) => text?.replace(/window.*;?\d/, ""))).toEqual([
      "named",
      "script",
      "",
      "below",
    ]);
    // Cleared output begins in the page again.
    take("clear_output", {});
    print("fresh");
    frames.draw();
    expect(said.slice(3)).toEqual(["clear"]);
    expect(blocks().map(([name]) => name)).toEqual(["sagecell_stdout", "frame"]);
  });

  test("without a frame, a widget is its text", () => {
    output.begin(harmless({ fileAddress: () => null }));
    widget("m");
    frames.draw();
    expect(blocks()).toEqual([["sagecell_value", "Widget(m)"]]);
  });
});
