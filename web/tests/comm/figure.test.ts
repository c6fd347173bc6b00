import { afterEach, beforeEach, expect, test } from "vitest";

import { createView } from "../../src/comm";
import type { CommView } from "../../src/comm/api";
import type { Json } from "../../src/protocol/messages";
import { reports } from "../fakes";

interface Socket {
  onopen: (() => void) | null;
  onmessage: ((event: { data: Json }) => void) | null;
  readyState: number;
  send(text: string): void;
}

let sent: unknown[];
let made: unknown[];
let socket: Socket;

beforeEach(() => {
  sent = [];
  made = [];
});
afterEach(() => {
  document.body.replaceChildren();
  delete (window as { mpl?: unknown }).mpl;
});

/** Defines `mpl` as matplotlib's own script does. */
function load(): void {
  const figure = class {
    constructor(id: string, its: Socket, _download: unknown, parent: HTMLElement) {
      socket = its;
      socket.onopen = () => socket.send('{"type":"refresh"}');
      socket.onmessage = ({ data }) => {
        if (data === "broken") throw new Error("broken");
        if (typeof data === "string") parent.append(data);
      };
      made.push(id);
    }
  };
  Object.assign(window, { mpl: { figure } });
}

function show(byPage = true, data: Record<string, Json> = { id: "figure-1" }): CommView {
  const view = createView("matplotlib", data, {
    send: async (data) => void sent.push(data),
    fileAddress: () => null,
    byPage,
  });
  document.body.append(view.element);
  return view;
}

// contract: 4.21, 6.3
test("the page's mpl draws a figure into the element of that id", () => {
  load();
  const view = show();
  expect([made, view.element.id, sent]).toEqual([["figure-1"], "figure-1", ['{"type":"refresh"}']]);
  view.handle({ data: "drawn" });
  expect(view.element.textContent).toBe("drawn");
  view.end();
  socket.send("late");
  expect([sent.length, socket.readyState]).toEqual([1, WebSocket.CLOSED]);
});

// contract: 4.21
test("a sentence is shown until the page has the script", () => {
  const view = show();
  view.handle({ data: "nobody draws it" });
  view.drawn();
  expect(view.element.textContent).toContain("no viewer for");
  load();
  view.drawn();
  view.drawn();
  expect([made, view.element.textContent]).toEqual([["figure-1"], ""]);
});

test("a stranger's figure gets neither the script nor an id", () => {
  load();
  const view = show(false);
  expect([made, view.element.id]).toEqual([[], ""]);
  expect(view.element.textContent).toContain("no viewer for");
});

test("the id of another element is not given twice", () => {
  document.body.innerHTML = "<p id='taken'></p>";
  expect(show(true, { id: "taken" }).element.id).toBe("");
  expect(show(true, { id: 7 }).element.id).toBe("");
});

test("a script that throws is reported, and a note is shown", () => {
  const reported = reports();
  load();
  const view = show();
  view.handle({ data: "broken" });
  expect(view.element.textContent).toContain("no viewer for");
  Object.assign(window, {
    mpl: {
      figure: function () {
        throw new Error("no figure");
      },
    },
  });
  expect(show().element.textContent).toContain("no viewer for");
  expect(reported()).toMatchObject([
    [expect.anything(), { message: "broken" }],
    [expect.anything(), { message: "no figure" }],
  ]);
});

// contract: 4.21
test("threejs shows a sentence", () => {
  const view = createView(
    "threejs",
    {},
    { send: async () => {}, fileAddress: () => null, byPage: true },
  );
  view.handle({});
  view.flush();
  view.drawn();
  view.end();
  expect(view.element.textContent).toContain("threejs(...)");
});
