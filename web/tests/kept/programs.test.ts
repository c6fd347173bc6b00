import { beforeEach, expect, test } from "vitest";

import { KeptPrograms, digest } from "../../src/kept/programs";
import { FakeStorage } from "./storage";

const LIMITS = { programs: 3, characters: 1000, age: 100 };
let storage: FakeStorage;
let now: number;
let programs: KeptPrograms;

beforeEach(() => {
  storage = new FakeStorage();
  now = 10_000;
  programs = new KeptPrograms(
    () => storage,
    () => now,
    LIMITS,
  );
});

const save = (key: string, code = key) =>
  programs.save(key, { code, language: "sage", kernelId: "k" }, [
    { msg_type: "stream", content: { name: "stdout", text: "1" } },
  ]);
const codes = (...keys: string[]) => keys.map((key) => programs.load(key)?.code);

test("a program comes back with its output, until it is dropped", () => {
  save("a");
  expect(programs.load("a")).toMatchObject({
    code: "a",
    language: "sage",
    kernelId: "k",
    saved: 10_000,
    output: [{ type: "stream", content: { name: "stdout", text: "1" } }],
  });
  programs.drop("a");
  expect([programs.load("a"), storage.length]).toEqual([null, 0]);
});

test("programs expire, also if the clock was changed", () => {
  save("a");
  now += 99;
  expect(codes("a")).toEqual(["a"]);
  now += 1;
  expect(codes("a")).toEqual([undefined]);
  now = 9000;
  expect(codes("a")).toEqual([undefined]);
  save("b");
  expect(storage.length).toBe(1); // The expired one made room.
});

test("the oldest make room, by number and by size; the page's own data stays", () => {
  storage.setItem("page", "x".repeat(5000));
  for (const key of ["a", "b", "c", "d"]) {
    now += 1;
    save(key);
  }
  expect(codes("a", "b", "c", "d")).toEqual([undefined, "b", "c", "d"]);
  now += 1;
  save("e", "e".repeat(700));
  expect(codes("b", "c", "d")).toEqual([undefined, undefined, "d"]);
  save("e", "e".repeat(2000));
  expect(codes("e")[0]).toHaveLength(700);
  expect(storage.getItem("page")).toHaveLength(5000);
});

test.each(["", "{", "[]", "{}", '{"code":1,"saved":10000}', '{"code":"x","saved":"10000"}'])(
  "what is no program is nothing: %j",
  (text) => {
    storage.setItem("sagecell_kept a", text);
    expect(programs.load("a")).toBeNull();
    save("b");
    expect(storage.length).toBe(1);
  },
);

test("without a storage, or with a full one, nothing is kept", () => {
  storage.capacity = 10;
  save("a");
  expect(codes("a")).toEqual([undefined]);
  const forbidden = new KeptPrograms(
    () => {
      throw new DOMException("no", "SecurityError");
    },
    () => now,
  );
  forbidden.save("a", { code: "a", language: "sage", kernelId: "" }, []);
  forbidden.drop("a");
  expect(forbidden.load("a")).toBeNull();
});

test("digests differ where texts do", () => {
  const texts = ["", "a", "b", "ab", "ba", "a".repeat(65_000), "print(1)", "print(2)"];
  expect(new Set(texts.map(digest)).size).toBe(texts.length);
});
