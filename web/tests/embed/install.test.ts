import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { install } from "../../src/embed/install";
import type { Cells } from "../../src/embed/sagecell";
import { settled } from "../fakes";

const MODULES = {
  cells: ["embedded_cells.js", "assets/cells-1.js"],
  editor: ["assets/editor-2.js"],
};
const NAMES = ["sagecell", "singlecell", "jQuery", "$", "sagecell_dependencies"];

interface Page {
  [name: string]: any;
}
const page = window as unknown as Page;
let asked: string[];
let libraries: string[];
let roots: string[];

function script(): void {
  install({
    window,
    modules: MODULES,
    loadJQuery: (address) => libraries.push(address),
    load: async (address) => {
      asked.push(address);
      return {
        cellsFrom: async (root) => {
          roots.push(root);
          return { make: () => ({}) } as unknown as Cells;
        },
      };
    },
  });
}

beforeEach(() => {
  asked = [];
  libraries = [];
  roots = [];
  for (const name of NAMES) Reflect.deleteProperty(page, name);
  document.head.innerHTML =
    '<script src="https://cells.test/static/embedded_sagecell.js"></script>';
});

afterEach(() => {
  for (const name of NAMES) Reflect.deleteProperty(page, name);
  document.head.replaceChildren();
});

// contract: 6.1
test("the names are defined, except those that the page has set", () => {
  page["sagecell"] = { quietMode: true, mine: 7 };
  const before = page["sagecell"];
  script();
  expect(page["sagecell"]).toBe(before);
  expect(before).toMatchObject({ quietMode: true, mine: 7, kernels: [], linkKeys: {} });
  for (const name of ["makeSagecell", "deleteSagecell", "moveInputForm", "restoreInputForm"]) {
    expect(before[name]).toBeTypeOf("function");
  }
  expect(before._makeSagecell).toBeTypeOf("function");
  expect(before.templates.minimal.editor).toBe("textarea-readonly");
  expect(before.allLanguages).toContain("singular");
  expect(before.modes.sage).toBe("python");
  expect(asked).toEqual([]);
});

// contract: 6.1
test("reading _initPromise loads the cells' script", async () => {
  script();
  const { sagecell } = page;
  expect(sagecell._initPromise).toBe(sagecell._initPromise);
  await settled();
  expect(asked).toEqual(["https://cells.test/static/embedded_cells.js"]);
});

// contract: 12.9
test("names of a book's own are left alone", () => {
  page["sagecellEvalName"] = "Evaluate";
  const before = Object.keys(page);
  script();
  expect(page["sagecellEvalName"]).toBe("Evaluate");
  const fresh = Object.keys(page).filter((name) => !before.includes(name));
  expect(fresh.sort()).toEqual(["sagecell", "sagecell_dependencies", "singlecell"]);
  delete page["sagecellEvalName"];
});

// contract: 6.2
test("singlecell is the same", () => {
  script();
  expect(page["singlecell"]).toBe(page["sagecell"]);
  expect(page["singlecell"].makeSinglecell).toBe(page["sagecell"].makeSagecell);
});

// contract: 6.3
test("jQuery is loaded only for pages without it", () => {
  script();
  expect(libraries).toEqual(["https://cells.test/static/embedded_jquery.js"]);
  page["jQuery"] = () => "own";
  delete page["sagecell"];
  script();
  script();
  expect(libraries).toHaveLength(1);
});

// contract: 6.3
test("a page can decline jQuery", () => {
  const element = document.createElement("script");
  vi.spyOn(document, "currentScript", "get").mockReturnValue(element);
  element.dataset["jquery"] = "none";
  script();
  expect(libraries).toEqual([]);
  expect(page["sagecell"].makeSagecell).toBeTypeOf("function");
});

test("a second copy leaves the first as it is", () => {
  script();
  const { makeSagecell } = page["sagecell"];
  page["sagecell"].kernels.push(1);
  script();
  expect(page["sagecell"].makeSagecell).toBe(makeSagecell);
  expect(page["sagecell"].kernels).toEqual([1]);
});

// contract: 6.5
test("names that old pages call have no effect", () => {
  script();
  const { sagecell } = page as { sagecell: any };
  const callback = vi.fn();
  sagecell.init(callback);
  expect(callback).toHaveBeenCalledOnce();
  expect(() => sagecell.init()).not.toThrow();
  expect(sagecell.sendRequest("POST", "/x", {}, () => undefined)).toBeUndefined();
  expect(sagecell.functions.makeSagecell({})).toBeUndefined();
  page["jQuery"] = () => "jQuery";
  expect(sagecell.jQuery).toBe(page["jQuery"]);
  expect(page["sagecell_dependencies"]).toEqual([]);
});

// contract: 6.4
test("cells and their style sheet come from the script's server; the sheet precedes the page's", async () => {
  document.body.innerHTML = "<div id=a></div>";
  document.head.append(document.createElement("style"));
  script();
  document.querySelector("script")!.remove();
  page["sagecell"].makeSagecell({ inputLocation: "#a" });
  await settled();
  expect(asked).toEqual(["https://cells.test/static/embedded_cells.js"]);
  expect(roots).toEqual(["https://cells.test/"]);
  const first = document.head.firstElementChild as HTMLLinkElement;
  expect(first.href).toBe("https://cells.test/static/embedded_cells.css");
});

const requested = () =>
  Array.from(document.querySelectorAll<HTMLLinkElement>("link[rel=modulepreload]"), (link) =>
    link.href.replace("https://cells.test/static/", ""),
  );

test("all modules of the first cell are requested at once, the editor if it is shown", async () => {
  document.body.innerHTML = "<div id=a></div><div id=b></div><div id=c></div>";
  const element = Object.assign(document.createElement("script"), { nonce: "n1" });
  vi.spyOn(document, "currentScript", "get").mockReturnValue(element);
  script();
  page["sagecell"].makeSagecell({ inputLocation: "#none" });
  expect(requested()).toEqual([]);
  page["sagecell"].makeSagecell({ inputLocation: "#a", hide: ["editor"] });
  expect(requested()).toEqual(MODULES.cells);
  page["sagecell"].makeSagecell({ inputLocation: "#b" });
  page["sagecell"].makeSagecell({ inputLocation: "#c" });
  await settled();
  expect(requested()).toEqual(MODULES.cells);
  document.head.firstElementChild!.dispatchEvent(new Event("load"));
  await settled();
  expect(requested()).toEqual([...MODULES.cells, ...MODULES.editor]);
  expect(asked).toHaveLength(1);
  const [first] = document.querySelectorAll<HTMLLinkElement>("link[rel=modulepreload]");
  expect(first!.nonce).toBe("n1"); // The page's policy may ask for it.
});

test("the style sheet is requested with jQuery, for which the page waits", async () => {
  const sheets = () =>
    Array.from(
      document.querySelectorAll<HTMLLinkElement>("link[rel=stylesheet]"),
      ({ href }) => href,
    );
  vi.spyOn(document, "readyState", "get").mockReturnValue("loading");
  page["jQuery"] = () => "own";
  script();
  expect(sheets()).toEqual([]);
  delete page["jQuery"];
  delete page["sagecell"];
  script();
  expect(sheets()).toEqual(["https://cells.test/static/embedded_cells.css"]);
  document.body.innerHTML = "<div id=a></div>";
  page["sagecell"].makeSagecell({ inputLocation: "#a" });
  document.dispatchEvent(new Event("DOMContentLoaded"));
  await settled();
  expect(sheets()).toHaveLength(1);
});

// contract: 7.5
test("cells that are made in the head are there when the page's own listeners run", () => {
  vi.spyOn(document, "readyState", "get").mockReturnValue("loading");
  let found = -1;
  const look = () => (found = document.querySelectorAll(".sagecell_evalButton").length);
  document.addEventListener("DOMContentLoaded", look, { once: true });
  script();
  page["sagecell"].makeSagecell({ inputLocation: "#a" });
  document.body.innerHTML = "<div id=a></div>";
  document.dispatchEvent(new Event("DOMContentLoaded"));
  expect(found).toBe(1);
});

test("sagecell.root may be set after the script", async () => {
  document.body.innerHTML = "<div id=a></div>";
  script();
  page["sagecell"].root = "https://other.test/sub";
  page["sagecell"].makeSagecell({ inputLocation: "#a" });
  await settled();
  expect(roots).toEqual(["https://other.test/sub/"]);
});
