import { beforeEach, expect, test } from "vitest";

import { FramedOutput } from "../../../src/output/frame/inside";
import type { JsonObject } from "../../../src/protocol/messages";
import { widgetIn } from "../../../src/protocol/widgets/orders";
import { eventually } from "../../eventually";

let output: FramedOutput;

const live = (data: JsonObject) => {
  if (widgetIn(data) === "") return null;
  const element = document.createElement("b");
  element.textContent = widgetIn(data);
  return element;
};
const display = (data: JsonObject) => ({ kind: "display", data, metadata: {} }) as const;
const blocks = () =>
  Array.from(output.element.firstElementChild!.children, ({ className, textContent }) => [
    className,
    textContent,
  ]);

beforeEach(() => {
  const theme = { scheme: "dark", properties: { "--ink": "rgb(1, 2, 3)" } } as const;
  const files = "https://cells.test/kernel/k/files/";
  output = new FramedOutput({ theme, files, version: "2" }, live);
  document.body.replaceChildren(output.element);
});

test("everything stands in the order in which it was told", () => {
  output.handle({ kind: "print", name: "stdout", text: "a", isNew: true });
  output.handle({ kind: "print", name: "stdout", text: "b\rc", isNew: false });
  output.handle({ kind: "print", name: "stderr", text: "d", isNew: true });
  output.handle({ kind: "show", id: 3, item: display({ "text/plain": "e" }) });
  output.handle({ kind: "show", id: 4, item: { kind: "error", traceback: "Oops" } });
  output.handle({ kind: "show", id: 5, item: { kind: "pager", text: "help" } });
  expect(blocks()).toEqual([
    ["sagecell_stdout", "cb"],
    ["sagecell_stderr", "d"],
    ["sagecell_value", "e"],
    ["sagecell_pyerr", "Oops"],
    ["sagecell_payload", "help"],
  ]);
});

test("an update takes the place of what was there; one of nothing is passed over", () => {
  output.handle({ kind: "show", id: 0, item: display({ "text/plain": "old" }) });
  output.handle({ kind: "update", id: 0, item: display({ "text/plain": "new" }) });
  output.handle({ kind: "update", id: 0, item: display({ "text/plain": "newer" }) });
  output.handle({ kind: "update", id: 7, item: display({ "text/plain": "none" }) });
  expect(blocks()).toEqual([["sagecell_value", "newer"]]);
});

test("after clearing, nothing is known of what was there", () => {
  output.handle({ kind: "show", id: 0, item: display({ "text/plain": "old" }) });
  output.handle({ kind: "print", name: "stdout", text: "a", isNew: true });
  output.handle({ kind: "clear" });
  output.handle({ kind: "print", name: "stdout", text: "b", isNew: false });
  output.handle({ kind: "update", id: 0, item: display({ "text/plain": "new" }) });
  expect(blocks()).toEqual([["sagecell_stdout", "b"]]);
});

test("the program's files are found by their names", () => {
  output.handle({
    kind: "show",
    id: 0,
    item: display({ "text/html": '<canvas id=c></canvas><img src="cell://a b.png">' }),
  });
  const image = output.element.querySelector("img")!;
  expect(image.getAttribute("src")).toBe("https://cells.test/kernel/k/files/a b.png");
  output.handle({ kind: "show", id: 1, item: display({ "text/image-filename": "b.png" }) });
  expect(output.element.querySelectorAll("img")[1]!.src).toBe(
    "https://cells.test/kernel/k/files/b.png?q=2",
  );
});

test("it looks like the page around it, and again like another", () => {
  const { style } = document.documentElement;
  expect([style.colorScheme, style.getPropertyValue("--ink")]).toEqual(["dark", "rgb(1, 2, 3)"]);
  output.handle({ kind: "theme", theme: { scheme: "light", properties: { "--ink": "red" } } });
  expect([style.colorScheme, style.getPropertyValue("--ink")]).toEqual(["light", "red"]);
});

test("scripts run, and have their element", async () => {
  const code = 'element.append("drawn")';
  output.handle({ kind: "show", id: 0, item: display({ "application/javascript": code }) });
  await eventually(() => expect(output.element.textContent).toContain("drawn"));
  output.write("<b>late</b>");
  expect(output.element.querySelector("b")?.textContent).toBe("late");
});
