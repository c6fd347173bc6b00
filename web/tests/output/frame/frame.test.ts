import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { OutputFrame, TALLEST } from "../../../src/output/frame/frame";
import type { WidgetOrder } from "../../../src/protocol/widgets/orders";
import { FakeClock, FakeMessageChannel, settled } from "../../fakes";
import { eventually } from "../../eventually";

const DISPLAY = { kind: "display", data: { "text/html": "<b>1</b>" }, metadata: {} } as const;

let clock: FakeClock;
let events: string[];
let frame: OutputFrame;
/** What was said to the frame's window, and the end of the port that it was given. */
let greetings: unknown[];
let port: MessagePort;
let heard: unknown[];
/** Tells the widgets in the frame something. */
let order: (order: WidgetOrder) => void;

const newWindow = () =>
  ({
    postMessage: (message: unknown, _target: string, [given]: [MessagePort]) => {
      greetings.push(message);
      port = given;
      port.onmessage = ({ data }) => heard.push(data);
    },
  }) as unknown as Window;
/** The window of the frame. */
let inner: Window;

const element = () => frame.element.querySelector("iframe")!;

beforeEach(() => {
  vi.stubGlobal("matchMedia", () => new EventTarget());
  vi.stubGlobal("MessageChannel", FakeMessageChannel);
  // Copies are those of Node, and jsdom has a class of its own.
  vi.stubGlobal("ArrayBuffer", structuredClone(new ArrayBuffer(0)).constructor);
  clock = new FakeClock();
  events = [];
  greetings = [];
  heard = [];
  inner = newWindow();
  frame = new OutputFrame(
    {
      address: "about:blank",
      files: "https://cells.test/kernel/k/files/",
      version: "1",
      clock,
      open: (address) => events.push(`open ${address}`),
      widgets: {
        connect: (tell) => {
          events.push("connected");
          order = tell;
          return {
            send: (event) => events.push(`event ${event.sent} ${event.id}`),
            dispose: () => events.push("disconnected"),
          };
        },
      },
    },
    { onLost: () => events.push("lost"), onFailed: (sentence) => events.push(sentence) },
  );
  vi.spyOn(HTMLIFrameElement.prototype, "contentWindow", "get").mockImplementation(() => inner);
});
afterEach(() => {
  frame.dispose();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  document.body.replaceChildren();
});

const loads = () => element().dispatchEvent(new Event("load"));
/** Says something as the frame, and waits until the page has heard it. */
const says = async (report: unknown) => {
  port.postMessage(report);
  await settled();
};
const ready = async () => {
  loads();
  await says({ kind: "ready" });
};

/** Puts it on the page, where it loads by itself. */
const attached = async () => {
  document.body.append(frame.element);
  await new Promise((resolve) => element().addEventListener("load", resolve, { once: true }));
  await says({ kind: "ready" });
};

test("it has no origin, no name of the page that it is on, and words for what it is", () => {
  expect(element().getAttribute("sandbox")).toBe("allow-scripts allow-forms");
  expect(element().referrerPolicy).toBe("no-referrer");
  expect(element().title).not.toBe("");
});

test("what is said before it is ready is told in order when it is", async () => {
  frame.show(0, DISPLAY);
  const text = frame.text("stdout");
  text.write("a");
  await ready();
  text.write("b");
  frame.clear();
  await eventually(() => expect(heard).toHaveLength(4));
  expect(greetings).toHaveLength(1);
  expect(heard).toEqual([
    { kind: "show", id: 0, item: DISPLAY },
    { kind: "print", name: "stdout", text: "a", isNew: true },
    { kind: "print", name: "stdout", text: "b", isNew: false },
    { kind: "clear" },
  ]);
});

test("it is as tall as its content, up to a bound, and not more often than ten times a second", async () => {
  await ready();
  await says({ kind: "height", pixels: 100.2, orders: 0 });
  expect(element().style.height).toBe("101px");
  await says({ kind: "height", pixels: 5, orders: 0 });
  await says({ kind: "height", pixels: 1e9, orders: 0 });
  expect(element().style.height).toBe("101px");
  clock.advance(0.1);
  expect(element().style.height).toBe(`${TALLEST}px`);
  await says({ kind: "height", pixels: NaN, orders: 0 });
  clock.advance(1);
  expect(element().style.height).toBe(`${TALLEST}px`);
});

test("all is settled when the frame has measured what it was told last", async () => {
  frame.show(0, DISPLAY);
  let isSettled = false;
  void frame.settled().then(() => (isSettled = true));
  await ready();
  await says({ kind: "height", pixels: 10, orders: 0 });
  expect(isSettled).toBe(false);
  await says({ kind: "height", pixels: 10, orders: 1 });
  expect(isSettled).toBe(true);
  frame.show(1, DISPLAY);
  const settled = frame.settled();
  frame.dispose();
  await settled;
});

describe("widgets", () => {
  const event = { sent: 1, id: "m", json: '{"method":"custom"}', buffers: [] };

  test("are connected when the frame asks, once, and from then on", async () => {
    await ready();
    await says({ kind: "event", event });
    expect(events).toEqual([]);
    await says({ kind: "widgets" });
    await says({ kind: "widgets" });
    await says({ kind: "event", event });
    expect(events).toEqual(["connected", "event 1 m"]);
    order({ kind: "end" });
    await eventually(() => expect(heard).toEqual([{ kind: "widgets", order: { kind: "end" } }]));
    frame.dispose();
    expect(events.slice(2)).toEqual(["disconnected"]);
  });

  test("are connected anew when the frame's page is lost", async () => {
    await ready();
    await says({ kind: "widgets" });
    await says({ kind: "left" });
    await ready();
    await says({ kind: "widgets" });
    expect(events).toEqual(["connected", "disconnected", "lost", "connected"]);
  });

  test.each([
    ["no number", { ...event, sent: "1" }],
    ["no model", { ...event, id: 7 }],
    ["a method that frontends do not have", { ...event, json: '{"method":"echo_update"}' }],
    ["no data", { ...event, json: "null" }],
    ["data that are no text", { ...event, json: { method: "custom" } }],
    ["data that are no JSON", { ...event, json: "{" }],
    ["buffers that are none", { ...event, buffers: ["AAEC"] }],
  ])("an event with %s is none", async (_name, wrong) => {
    await ready();
    await says({ kind: "widgets" });
    await says({ kind: "event", event: wrong });
    expect(events).toEqual(["connected"]);
  });
});

test.each<[string, string, ArrayBuffer[]]>([
  ["texts", JSON.stringify({ method: "custom", content: "x".repeat(3_000_000) }), []],
  ["bytes", '{"method":"custom"}', [new ArrayBuffer(1_000_000), new ArrayBuffer(2_000_000)]],
])("long %s count as many events: reading them takes the page's time", async (_, json, buffers) => {
  await ready();
  await says({ kind: "widgets" });
  for (let sent = 0; sent < 5; sent += 1) {
    await says({ kind: "event", event: { sent, id: "m", json, buffers } });
  }
  expect(events.filter((told) => told.startsWith("event"))).toHaveLength(4);
  expect(events.at(-1)).toContain("busy");
});

test("a file that is much too long is no flood: the widget is told", async () => {
  await ready();
  await says({ kind: "widgets" });
  const buffers = [new ArrayBuffer(50_000_000)];
  await says({ kind: "event", event: { sent: 1, id: "m", json: '{"method":"update"}', buffers } });
  await says({ kind: "height", pixels: 5, orders: 0 });
  expect(events).toEqual(["connected", "event 1 m"]);
});

test("the frame's page says nothing that is not understood: that counts as many reports", async () => {
  await ready();
  for (let turn = 0; turn < 11; turn += 1) await says({ kind: "event", junk: turn });
  expect(events.at(-1)).toContain("busy");
});

describe("a link", () => {
  const click = { kind: "link", address: "https://example.org/" };
  const followed = async (report: unknown) => {
    events = [];
    await says(report);
    return events;
  };

  test("is followed only from a frame that has the focus, and once a second", async () => {
    await attached();
    expect(await followed(click)).toEqual([]);
    clock.advance(1);
    expect(events).toEqual([]);
    element().tabIndex = 0;
    element().focus();
    expect(await followed(click)).toEqual(["open https://example.org/"]);
    expect(await followed(click)).toEqual([]);
    clock.advance(1);
    expect(await followed(click)).toEqual(["open https://example.org/"]);
  });

  test("is followed when the browser tells of the click a little later", async () => {
    await attached();
    expect(await followed(click)).toEqual([]);
    element().tabIndex = 0;
    element().focus();
    clock.advance(0.2);
    expect(events).toEqual(["open https://example.org/"]);
  });

  test("is not followed where nobody has clicked, and nowhere but to the web", async () => {
    await attached();
    element().tabIndex = 0;
    element().focus();
    expect(await followed({ kind: "link", address: "javascript:alert(1)" })).toEqual([]);
    vi.stubGlobal("navigator", { userActivation: { isActive: false } });
    expect(await followed(click)).toEqual([]);
  });
});

describe("a frame that loads again", () => {
  test("has what it showed said again", async () => {
    frame.show(0, DISPLAY);
    await ready();
    const before = port;
    loads();
    expect(events).toEqual(["lost"]);
    frame.show(0, DISPLAY);
    loads();
    expect(port).not.toBe(before);
    await says({ kind: "ready" });
    await eventually(() => expect(heard).toHaveLength(2));
  });

  test.each([
    ["says so", () => says({ kind: "left" })],
    ["cannot say so any more", () => (port.close(), settled())],
  ])(
    "is another one when its page is left for one that never loads, and %s",
    async (_name, leave) => {
      await ready();
      await says({ kind: "height", pixels: 70, orders: 0 });
      const before = element();
      await leave();
      expect(events).toEqual(["lost"]);
      expect(frame.element.querySelectorAll("iframe")).toHaveLength(1);
      expect(element()).not.toBe(before);
      expect(element().getAttribute("sandbox")).toBe("allow-scripts allow-forms");
      expect(element().style.height).toBe("70px");
      expect(frame.element.textContent).toMatch(/tried to open another page/);
      // What loads in the old one does not matter.
      before.dispatchEvent(new Event("load"));
      expect(greetings).toHaveLength(1);
      await ready();
      await leave();
      expect(frame.element.querySelectorAll("p")).toHaveLength(1);
      expect(events).toEqual(["lost", "lost"]);
    },
  );

  test("was moved in the document: nobody is to blame, however often", async () => {
    for (let i = 0; i < 6; i += 1) {
      await ready();
      inner = newWindow();
      await says({ kind: "left" });
      port.close();
      await settled();
      expect(events).toHaveLength(i);
      loads();
    }
    expect(new Set(events)).toEqual(new Set(["lost"]));
    expect(frame.element.textContent).toBe("");
  });

  test("is given up when it does so again and again", async () => {
    for (let i = 0; i < 4; i += 1) {
      await ready();
      loads();
    }
    expect(events.slice(0, 3)).toEqual(["lost", "lost", "lost"]);
    expect(events[3]).toMatch(/left their frame/);
    expect(events).toHaveLength(4);
    loads();
    frame.show(0, DISPLAY);
    await frame.settled();
    expect(events).toHaveLength(4);
  });
});

test("one that floods the page with messages is stopped", async () => {
  await attached();
  for (let i = 0; i < 1100; i += 1) port.postMessage({ kind: "height", pixels: i, orders: 0 });
  await eventually(() => expect(events).toEqual([expect.stringMatching(/kept the page busy/)]));
  expect(document.querySelector("iframe")).toBeNull();
});

test("one that never answers is told in words, and nothing of it stays", async () => {
  document.body.append(frame.element);
  frame.show(0, DISPLAY);
  loads();
  clock.advance(60);
  expect(events).toEqual([expect.stringMatching(/could not be loaded/)]);
  expect(document.querySelector("iframe")).toBeNull();
  expect(clock.pending).toBe(0);
  await frame.settled();
});

test("the page's theme goes along, and again when it may have changed", async () => {
  expect(greetings).toEqual([]);
  await ready();
  expect(greetings[0]).toMatchObject({ theme: { scheme: "light" }, version: "1" });
  document.body.setAttribute("data-theme", "dark");
  await eventually(() => expect(heard).toMatchObject([{ kind: "theme" }]));
  document.body.removeAttribute("data-theme");
});

test("disposing of it twice leaves nothing", () => {
  document.body.append(frame.element);
  frame.dispose();
  frame.dispose();
  expect(clock.pending).toBe(0);
  expect(document.body.childElementCount).toBe(0);
  expect(events).toEqual([]);
});
