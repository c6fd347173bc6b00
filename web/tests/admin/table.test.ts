import { expect, test, vi } from "vitest";

import { Table } from "../../src/admin/table";

interface Fruit {
  readonly name: string;
  readonly number: number;
}

function table(act: (fruit: Fruit) => void = () => undefined): Table<Fruit> {
  return new Table<Fruit>({
    title: "Fruits",
    none: "No fruits.",
    key: ({ name }) => name,
    columns: [
      { title: "Name", text: ({ name }) => name },
      { title: "Number", text: ({ number }) => `${number}`, isNumber: true },
    ],
    action: { label: "Eat", name: ({ name }) => `Eat ${name}`, act },
  });
}

function shown({ element }: Table<Fruit>): string[] {
  return Array.from(element.querySelectorAll("tbody tr"), (row) => row.textContent);
}

test("rows, and a sentence without any", () => {
  const made = table();
  made.update([]);
  expect(made.element.querySelector<HTMLElement>(".admin_scroller")!.hidden).toBe(true);
  expect(made.element.querySelector<HTMLElement>(".admin_none")!.hidden).toBe(false);
  made.update([{ name: "fig", number: 1 }]);
  expect(made.element.querySelector<HTMLElement>(".admin_none")!.hidden).toBe(true);
  expect(shown(made)).toEqual(["fig1Eat"]);
});

test("what visitors claim is text", () => {
  const made = table();
  made.update([{ name: "<img src=x onerror=alert(1)>", number: 1 }]);
  expect(made.element.querySelector("img")).toBeNull();
  expect(shown(made)).toEqual(["<img src=x onerror=alert(1)>1Eat"]);
});

test("a row stays the same element, with its focus, while others come and go", () => {
  const made = table();
  document.body.append(made.element);
  made.update([
    { name: "fig", number: 1 },
    { name: "pear", number: 2 },
  ]);
  const pear = made.element.querySelectorAll("button")[1]!;
  pear.focus();
  made.update([
    { name: "apple", number: 5 },
    { name: "pear", number: 3 },
    { name: "plum", number: 4 },
  ]);
  expect(document.activeElement).toBe(pear);
  expect(shown(made)).toEqual(["apple5Eat", "pear3Eat", "plum4Eat"]);
  made.element.remove();
});

test("rows of the same name are all shown, and all go", () => {
  const made = table();
  made.update([1, 2, 3].map((number) => ({ name: "fig", number })));
  expect(shown(made)).toEqual(["fig1Eat", "fig2Eat", "fig3Eat"]);
  made.update([{ name: "fig", number: 4 }]);
  expect(shown(made)).toEqual(["fig4Eat"]);
  made.update([]);
  expect(shown(made)).toEqual([]);
});

test("a button is named after its row, and acts on what the row is now", () => {
  const act = vi.fn();
  const made = table(act);
  made.update([{ name: "fig", number: 1 }]);
  made.update([{ name: "fig", number: 2 }]);
  const button = made.element.querySelector("button")!;
  expect(button.getAttribute("aria-label")).toBe("Eat fig");
  button.click();
  expect(act).toHaveBeenCalledExactlyOnceWith({ name: "fig", number: 2 });
});
