/** Counts how often a message is parsed and stringified between the server and the page. */

import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { Terms } from "../src/cell/terms";
import { PageCells } from "../src/cells";
import { Server } from "../src/kernel/server";
import { Transport } from "../src/kernel/transport";
import type { JsonObject } from "../src/protocol/messages";
import { makeCell, planFor } from "./cell/plans";
import { FakeClock, FakeFrames, FakeSocket, countingIds, said, settled } from "./fakes";

const ID = "01234567-89ab-cdef-0123-456789abcdef";

let element: HTMLElement;
let frames: FakeFrames;
let sockets: FakeSocket[];
/** Pending requests for messages. */
let polls: { readonly body: string | null; answer(reply: unknown): Promise<void> }[];

beforeEach(async () => {
  element = document.createElement("div");
  document.body.append(element);
  frames = new FakeFrames();
  sockets = [];
  polls = [];
  const clock = new FakeClock();
  const cells = new PageCells({
    server: new Server({
      fetch: async () => new Response(JSON.stringify({ ws_url: "ws://x/", id: ID })),
      base: "http://cells.test/",
      cellSession: "page",
    }),
    terms: new Terms({ fetch: async () => null, storage: () => localStorage }),
    openChannel: (address, events) =>
      new Transport({
        address,
        events,
        openSocket: (numbered) => {
          const socket = new FakeSocket(numbered);
          sockets.push(socket);
          return socket;
        },
        fetch: (_input, init) =>
          new Promise((resolve) => {
            const body = typeof init?.body === "string" ? init.body : null;
            const answer = (reply: unknown) => {
              resolve(new Response(JSON.stringify(reply)));
              return settled();
            };
            polls.push({ body, answer });
          }),
        clock,
        random: () => 1,
      }),
    clock,
    newId: countingIds(),
    loadEditor: () => new Promise(() => undefined),
    copy: async () => undefined,
    nextFrame: frames.next,
  });
  makeCell(cells, planFor(element), clock).evaluate();
  for (let i = 0; i < 6; i += 1) await settled();
});
afterEach(() => element.remove());

const shown = () => {
  frames.draw();
  return element.querySelector(".sagecell_stdout")?.textContent;
};
const output = (request: string, text: string, seq: number): JsonObject => ({
  ...said("stream", { name: "stdout", text }, request),
  seq,
});

/** The numbers of calls of JSON.parse and JSON.stringify during `act`. */
function count(): { parsed(): number; stringified(): number } {
  const parse = vi.spyOn(JSON, "parse");
  const stringify = vi.spyOn(JSON, "stringify");
  return {
    parsed: () => parse.mock.calls.length,
    stringified: () => stringify.mock.calls.length,
  };
}

test("over a WebSocket a message is parsed once, and one that is sent is stringified once", () => {
  const socket = sockets[0]!;
  const written: string[] = [];
  socket.send = (text) => written.push(text);
  const sending = count();
  socket.opens();
  expect([sending.parsed(), sending.stringified(), written.length]).toEqual([0, 1, 1]);
  const request = (JSON.parse(written[0]!) as { msg_id: string }).msg_id;
  const frame = JSON.stringify(output(request, "1\n", 1));
  vi.restoreAllMocks();
  const hearing = count();
  socket.says(frame);
  expect(shown()).toBe("1\n");
  expect([hearing.parsed(), hearing.stringified()]).toEqual([1, 0]);
});

test("polled messages are parsed once, together, and never stringified", async () => {
  const sending = count();
  for (const socket of [0, 1]) {
    sockets[socket]!.closes(1006);
    await settled();
    await polls.at(-1)!.answer({ messages: [] });
  }
  await polls.at(-1)!.answer({ messages: [] });
  const sent = polls.findLast(({ body }) => body !== null)!;
  // Three answers were parsed, and written by the test; the request was stringified once.
  expect([sending.parsed(), sending.stringified()]).toEqual([3, 3 + 1]);
  vi.restoreAllMocks();
  const [{ msg_id: request }] = JSON.parse(sent.body!) as [{ msg_id: string }];
  const reply = { messages: [output(request, "1\n", 1), output(request, "2\n", 2)] };
  const hearing = count();
  await sent.answer({ accepted: [request], refused: [] });
  await polls.at(-1)!.answer(reply);
  expect(shown()).toBe("1\n2\n");
  expect([hearing.parsed(), hearing.stringified()]).toEqual([2, 2]);
});
