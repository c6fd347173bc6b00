import { beforeEach, describe, expect, test } from "vitest";

import { Transcript } from "../../../src/output/text/transcript";
import { type JsonObject } from "../../../src/protocol/messages";
import { heard } from "../../fakes";

let transcript: Transcript;
beforeEach(() => {
  transcript = new Transcript();
});

const take = (type: string, content: JsonObject) => transcript.append(heard(type, content));
const print = (text: string, name = "stdout") => take("stream", { name, text });
const show = (text: string, id?: string, type = "display_data") =>
  take(type, {
    data: { "text/plain": text },
    metadata: {},
    transient: id === undefined ? {} : { display_id: id },
  });
const text = () => [...transcript.plainText((html) => html)].join("");

describe("streams", () => {
  test("with one name in a row are one item", () => {
    print("a");
    print("b");
    print("c", "stderr");
    print("d");
    expect(transcript.items).toEqual([
      { kind: "stream", name: "stdout", chunks: ["a", "b"] },
      { kind: "stream", name: "stderr", chunks: ["c"] },
      { kind: "stream", name: "stdout", chunks: ["d"] },
    ]);
    expect(transcript.length).toBe(4);
  });

  test("without text are ignored", () => {
    expect(print("")).toBeNull();
    expect(take("stream", { name: "stdout", text: ["a"] })).toBeNull();
    expect(transcript.items).toEqual([]);
  });

  test("with an unknown name are standard output", () => {
    print("a", "__proto__");
    expect(transcript.items[0]).toMatchObject({ name: "stdout" });
  });
});

test("as plain text: escape sequences gone, pictures named", () => {
  print("\x1b[31mred\x1b[0m\n");
  show("<Figure>");
  take("display_data", { data: { "image/png": "AAAA" } });
  take("error", { traceback: ["\x1b[1mTrace\x1b[0m", "Oops"] });
  expect(text()).toBe("red\n<Figure>\n[Picture made by the program]\nTrace\nOops\n");
});

test("an error without a traceback still says what it is", () => {
  take("error", { ename: "KeyError", evalue: "'x'" });
  expect(text()).toBe("KeyError: 'x'\n");
});

test("a reply's pages are items, its files are not", () => {
  take("execute_reply", {
    payload: [{ source: "page", data: { "text/plain": "Help" } }, { new_files: ["a"] }, 7],
  });
  expect(transcript.items).toEqual([{ kind: "pager", text: "Help" }]);
});

describe("clear_output", () => {
  test("clears at once", () => {
    print("a");
    expect(take("clear_output", { wait: false })?.cleared).toBe(true);
    expect(transcript.items).toEqual([]);
    expect(transcript.length).toBe(0);
  });

  test("with wait clears when the next output comes", () => {
    print("a");
    expect(take("clear_output", { wait: true })).toBeNull();
    expect(text()).toBe("a");
    expect(print("b")?.cleared).toBe(true);
    expect(text()).toBe("b");
    expect(print("c")?.cleared).toBe(false);
    expect(text()).toBe("bc");
  });
});

describe("update_display_data", () => {
  test("changes every display with that id, and the length", () => {
    show("one", "x");
    show("one", "x");
    show("other", "y");
    const change = show("three", "x", "update_display_data");
    expect(change?.updated).toHaveLength(2);
    expect(text()).toBe("three\nthree\nother\n");
    expect(transcript.length).toBe(15);
  });

  test("changes the first thousand of more displays with that id", () => {
    for (let at = 0; at < 2000; at += 1) show("one", "x");
    expect(show("two", "x", "update_display_data")?.updated).toHaveLength(1000);
    expect(text()).toBe("two\n".repeat(1000) + "one\n".repeat(1000));
  });

  test("with an unknown or cleared id is ignored", () => {
    show("one", "x");
    take("clear_output", { wait: false });
    expect(show("two", "x", "update_display_data")).toBeNull();
    expect(show("two", "constructor", "update_display_data")).toBeNull();
  });
});

test("other messages are ignored", () => {
  for (const type of ["status", "execute_input", "comm_open", "toString"]) {
    expect(take(type, { text: "x" })).toBeNull();
  }
});
