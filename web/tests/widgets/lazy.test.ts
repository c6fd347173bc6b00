import { beforeEach, expect, test } from "vitest";

import { harmless } from "../../src/output/policy";
import { LazyWidgets } from "../../src/widgets/lazy";
import { reports, settled } from "../fakes";

const VIEW = "application/vnd.jupyter.widget-view+json";
const display = (id: string) => ({ [VIEW]: { model_id: id } });

let told: string[];
let arrives: (error?: Error) => void;
let widgets: LazyWidgets;

beforeEach(() => {
  told = [];
  widgets = new LazyWidgets({
    connect: () => told.push("connect"),
    send: () => undefined,
    showing: () => harmless({ fileAddress: () => null }),
    load: () =>
      new Promise((resolve, reject) => {
        told.push("load");
        arrives = (error) => {
          if (error) reject(error);
          else
            resolve({
              createWidgets: () => ({
                handle: ({ kind }) => told.push(kind),
                show: (id, place) => told.push(`${id} in ${place.className}`),
                sweep: () => told.push("sweep"),
              }),
            });
        };
      }),
  });
});

test("nothing is loaded without a widget", () => {
  expect(widgets.element({ "text/plain": "1" })).toBeNull();
  widgets.handle({ kind: "end" });
  widgets.sweep();
  expect(told).toEqual([]);
});

test("the first widget loads the code and asks for the models; all is done in order", async () => {
  expect(widgets.element(display("m"))).toBeInstanceOf(HTMLElement);
  widgets.element(display("n"));
  widgets.handle({ kind: "complete" });
  expect(told).toEqual(["load", "connect"]);
  arrives();
  await settled();
  expect(told.slice(2).sort()).toEqual([
    "complete",
    "m in sagecell_widget",
    "n in sagecell_widget",
  ]);
  widgets.handle({ kind: "end" });
  widgets.sweep();
  expect(told.slice(-2)).toEqual(["end", "sweep"]);
});

test("a sentence stands where code could not be loaded", async () => {
  const reported = reports();
  const place = widgets.element(display("m"))!;
  arrives(new TypeError("no network"));
  await settled();
  expect(place.textContent).toContain("could not be loaded");
  expect(widgets.element(display("n"))!.textContent).toContain("could not be loaded");
  expect(reported()).toHaveLength(1);
});
