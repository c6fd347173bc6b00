import { expect, test, vi } from "vitest";

import { AdminView } from "../../src/admin/view";
import { decodeOverview } from "../../src/protocol/admin/overview";
import { overviewText } from "./overviews";

function section({ element }: AdminView, title: string): HTMLElement {
  const found = Array.from(element.querySelectorAll("section")).find(
    (each) => each.querySelector("h2")!.textContent === title,
  );
  return found!;
}

function cells(view: AdminView, title: string): string[][] {
  return Array.from(section(view, title).querySelectorAll("tbody tr"), (row) =>
    Array.from(row.children, (cell) => cell.textContent),
  );
}

test("figures and tables", () => {
  const view = new AdminView(() => undefined);
  view.show(decodeOverview(overviewText())!);
  const facts = Array.from(view.element.querySelectorAll("dl > div"), (each) => each.textContent);
  expect(facts).toEqual([
    "Kernels2 of 81",
    "Ready1",
    "Waiting1",
    "Crashed lately3",
    "Confinementnamespaces",
    "Up1 min",
    "Version1.2",
  ]);
  expect(cells(view, "Sessions")).toEqual([
    [
      ...["4e8f9ac5-...", "busy", "1 min", "10.0 s", "1.0 MB", "10 B", "1", "kernel, python3"],
      ...["book.example, 203.0.113.0/24", "Stop"],
    ],
    ["5", "idle", "0 s", "–", "–", "0 B", "0", ", ", "key course", "Stop"],
  ]);
  expect(cells(view, "Budgets")).toEqual([
    ["site", "book.example", "kernel", "1"],
    ["address", "203.0.113.0/24", "kernel", "1 of 60"],
  ]);
  expect(cells(view, "Machines")[1]).toEqual(["far", "up", "0", "–", "–"]);
  expect(cells(view, "Ends")[0]).toEqual(["crashed", "9", "3"]);
  expect(cells(view, "Refusals")).toEqual([["too_many_kernels", "4"]]);
});

test("the share of a processor is that since the last overview", () => {
  const view = new AdminView(() => undefined);
  view.show(decodeOverview(overviewText())!);
  const sessions = [{ handle: "h1", cpu_seconds: 11 }];
  view.show(decodeOverview(overviewText({ uptime_seconds: 102, sessions }))!);
  expect(cells(view, "Sessions")[0]![3]).toBe("11.0 s, 50 %");
  // The same overview again tells nothing new.
  view.show(decodeOverview(overviewText({ uptime_seconds: 102, sessions }))!);
  expect(cells(view, "Sessions")[0]![3]).toBe("11.0 s");
});

test("a session that is to be stopped", () => {
  const stop = vi.fn();
  const view = new AdminView(stop);
  view.show(decodeOverview(overviewText())!);
  section(view, "Sessions").querySelector("button")!.click();
  expect(stop).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ handle: "h1" }));
});
