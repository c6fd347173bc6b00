import { describe, expect, test } from "vitest";

import { FileList, filePath } from "../../src/output/files";

describe("filePath", () => {
  test.each([
    ["a.csv", "a.csv"],
    ["data/a b.csv", "data/a%20b.csv"],
    ["50%.txt", "50%25.txt"],
    ["a?b#c&d", "a%3Fb%23c%26d"],
    ["<script>.html", "%3Cscript%3E.html"],
    ["\"'.txt", "%22'.txt"],
    ["a\\b", "a%5Cb"],
    ["größe.txt", "gr%C3%B6%C3%9Fe.txt"],
    ["line\nbreak", "line%0Abreak"],
    ["javascript:alert(1)", "javascript%3Aalert(1)"],
    ["...", "..."],
  ])("%j is named by %s", (name, path) => {
    expect(filePath("k1", name)).toBe(`kernel/k1/files/${path}`);
    const url = new URL(`http://cells.test/kernel/k1/files/${path}?q=1`);
    expect(decodeURIComponent(url.pathname)).toBe(`/kernel/k1/files/${name}`);
  });

  test.each(["", ".", "..", "../secret", "a/../b", "/etc/passwd", "a//b", "a/", "a/.", "\ud800"])(
    "%j cannot be named",
    (name) => {
      expect(filePath("k1", name)).toBeNull();
    },
  );
});

describe("FileList", () => {
  const empty = () => new FileList((path) => `http://cells.test/${path}`);
  const list = (...names: string[]) => {
    const files = empty();
    files.add("k1", names);
    return files.element;
  };

  test("is empty without files", () => {
    expect(list().childElementCount).toBe(0);
  });

  test("links each file for download", () => {
    const [link] = list("data/heat map.csv", "b").querySelectorAll("a");
    expect(link?.href).toBe("http://cells.test/kernel/k1/files/data/heat%20map.csv?q=1");
    expect(link?.download).toBe("heat map.csv");
    expect(link?.textContent).toBe("data/heat map.csv");
  });

  test("has a limit, within one reply and in all", () => {
    const files = empty();
    const named = (from: number) => Array.from({ length: 4000 }, (_, at) => String(from + at));
    files.add("k1", named(0));
    expect(files.element.querySelector(".sagecell_note")).toBeNull();
    files.add("k1", named(2000));
    expect(files.element.querySelectorAll("li")).toHaveLength(5000);
    expect(files.element.textContent).toContain("not listed");
  });

  // contract: 4.19
  test("shows the number of updates, and avoids caches", () => {
    const files = empty();
    files.add("k1", ["a", "b"]);
    files.add("k1", ["a"]);
    files.add("k1", ["a"]);
    const entries = Array.from(files.element.querySelectorAll("li"), (li) => li.textContent);
    expect(entries).toEqual(["a [Updated 2 time(s)]", "b"]);
    expect(files.element.querySelector("a")?.href).toContain("/kernel/k1/files/a?q=3");
    files.add("k2", ["c"]);
    expect(files.element.querySelectorAll("li")).toHaveLength(1);
    files.clear();
    expect(files.element.childElementCount).toBe(0);
  });

  // contract: 4.19, T7
  test("shows control characters in names", () => {
    const box = list("<img src=x onerror=alert(1)>", "cod\u202egnp.exe", "a\nb");
    expect(box.querySelector("img")).toBeNull();
    expect(Array.from(box.querySelectorAll("bdi"), (name) => name.textContent)).toEqual([
      "<img src=x onerror=alert(1)>",
      "cod\ufffdgnp.exe",
      "a\ufffdb",
    ]);
  });

  // contract: 4.19, T7
  test("does not link names that no link can contain", () => {
    const box = list("../up");
    expect(box.querySelector("a")).toBeNull();
    expect(box.textContent).toContain("../up");
  });
});
