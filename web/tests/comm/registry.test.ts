import { beforeEach, expect, test } from "vitest";

import type { CommHost, CommView, Comms as Module } from "../../src/comm/api";
import { Comms, type CommPlace } from "../../src/comm/registry";
import { renderBundle } from "../../src/output/mime";
import { harmless } from "../../src/output/policy";
import type { JsonObject, KernelMessage } from "../../src/protocol/messages";
import { heard, reports, settled } from "../fakes";

let hosts: CommHost[];
let told: unknown[];
let sent: [type: string, content: JsonObject][];
let said: string[];
let answers: (() => void)[];
let loading: Promise<void>;
let isBroken: boolean;
let comms: Comms;
let place: CommPlace;

const module: Module = {
  createView: (target, data, host) => {
    if (data["filename"] === "broken") throw new Error("a mistake");
    hosts.push(host);
    const element = document.createElement("b");
    element.textContent = `${target} ${JSON.stringify(data)}`;
    return {
      element,
      handle: (data) => told.push(data),
      flush: () => told.push("flush"),
      drawn: () => told.push("drawn"),
      end: () => told.push("end"),
    } satisfies CommView;
  },
};

beforeEach(() => {
  hosts = [];
  told = [];
  sent = [];
  said = [];
  answers = [];
  loading = Promise.resolve();
  isBroken = false;
  comms = new Comms({
    request: (type, content, asked) => {
      sent.push([type, content]);
      asked?.(`event-${sent.length}`);
      return new Promise((resolve) => answers.push(() => resolve({})));
    },
    load: async () => {
      await loading;
      if (isBroken) throw new TypeError("no network");
      return module;
    },
  });
  place = {
    showing: harmless({ fileAddress: () => null, live: (data) => comms.element(data) }),
    output: {
      append: ({ type, content }) =>
        said.push(type === "stream" ? `${type} ${content.text}` : type),
      flush: () => said.push("flush"),
    },
  };
});

const message = (type: string, content: JsonObject, parentId = "r1"): KernelMessage =>
  heard(type, content, parentId);

function open(content: JsonObject): HTMLElement | null {
  const shown = comms.open(message("comm_open", content), place);
  return shown && renderBundle(shown.content.data, {}, place.showing);
}

const WIDGET = { comm_id: "c1", target_name: "graphicswidget", data: { filename: "a.png" } };

// contract: 4.21
test("a comm is shown where it was opened, and receives its own messages", async () => {
  const element = open(WIDGET)!;
  expect(comms.handle(message("comm_msg", { comm_id: "c1", data: { early: 1 } }))).toBe(true);
  await settled();
  expect(element.textContent).toBe('graphicswidget {"filename":"a.png"}');
  comms.handle(message("comm_msg", { comm_id: "c1", data: 7 }));
  comms.handle(message("comm_msg", { comm_id: "c2", data: 8 }));
  comms.handle(message("comm_msg", { comm_id: "c1" }));
  comms.flush();
  comms.drawn();
  comms.handle(message("comm_close", { comm_id: "c1" }));
  expect(told).toEqual([{ early: 1 }, 7, null, "flush", "drawn", "end"]);
  expect(sent).toEqual([]);
});

// contract: 4.21
test.each(["threejs", "matplotlib"])("%s is a target, too", (target) => {
  expect(open({ comm_id: "c1", target_name: target, data: {} })).not.toBeNull();
  expect(sent).toEqual([]);
});

// contract: 4.21
test("a comm with an unknown target is closed, as in Jupyter", () => {
  expect(open({ comm_id: "c1", target_name: "nobodys", data: {} })).toBeNull();
  expect(sent).toEqual([["comm_close", { comm_id: "c1", data: {} }]]);
});

// contract: 4.21
test("the output of an event is shown in the cell in which the comm was opened", async () => {
  open(WIDGET);
  await settled();
  void hosts[0]!.send({ x: 1, y: 2, eventType: "click" });
  expect(sent).toEqual([["comm_msg", { comm_id: "c1", data: { x: 1, y: 2, eventType: "click" } }]]);
  expect(comms.handle(message("stream", { text: "clicked" }, "event-1"))).toBe(true);
  expect(comms.handle(message("stream", { text: "else" }, "r1"))).toBe(false);
  answers[0]!();
  await settled();
  expect(said).toEqual(["stream clicked", "flush"]);
});

test.each<[string, JsonObject]>([
  ["no id", { target_name: "graphicswidget" }],
  ["no text for an id", { comm_id: 7, target_name: "graphicswidget" }],
])("a comm with %s is none", (_name, content) => {
  expect(open(content)).toBeNull();
  expect(sent).toEqual([]);
});

test("a known id opens no comm, and data may be anything", async () => {
  expect(open({ ...WIDGET, data: "x" })!.textContent).toBe("");
  expect(open(WIDGET)).toBeNull();
  await settled();
  expect(hosts).toHaveLength(1);
});

test("the number of comms is limited", () => {
  for (let number = 0; number < 100; number += 1) open({ ...WIDGET, comm_id: `c${number}` });
  expect(open({ ...WIDGET, comm_id: "more" })).toBeNull();
  expect(sent).toEqual([["comm_close", { comm_id: "more", data: {} }]]);
});

test("with the cell's next run they are closed; with the kernel they only end", async () => {
  open(WIDGET);
  await settled();
  comms.end();
  expect([told, sent]).toEqual([["end"], []]);
  comms.removeFrom({ ...place });
  expect(sent).toEqual([]);
  comms.removeFrom(place);
  expect(sent).toEqual([["comm_close", { comm_id: "c1", data: {} }]]);
  expect(comms.element({ "application/x-comm": "c1" })).toBeNull();
});

test("a sentence replaces a view that cannot be loaded", async () => {
  reports();
  isBroken = true;
  const element = open(WIDGET)!;
  await settled();
  expect(element.textContent).toContain("could not be loaded");
});

test("a view that throws is reported, and other comms are shown", async () => {
  const reported = reports();
  const broken = open({ ...WIDGET, data: { filename: "broken" } })!;
  const other = open({ ...WIDGET, comm_id: "c2" })!;
  await settled();
  expect(comms.handle(message("comm_msg", { comm_id: "c1", data: 7 }))).toBe(true);
  expect(broken.textContent).toBe("This interactive output could not be shown.");
  expect(other.textContent).toContain("a.png");
  expect(told).toEqual([]);
  expect(reported()).toMatchObject([[expect.anything(), { message: "a mistake" }]]);
});
