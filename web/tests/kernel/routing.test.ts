import { beforeEach, expect, test } from "vitest";

import { Interacts } from "../../src/interact/registry";
import { Routing, type Turn } from "../../src/kernel/routing";
import { executeRequest } from "../../src/protocol/messages";
import { heard } from "../fakes";

let routing: Routing;
let told: string[];
let taken: string;

beforeEach(() => {
  told = [];
  taken = "";
  const interacts = new Interacts({ request: async () => ({}) });
  routing = new Routing([interacts], [{ handle: ({ type }) => type === taken }]);
});

const eventsOf = (name: string) => ({
  onOpen: () => undefined,
  onMessage: ({ type }: { readonly type: string }) => told.push(`${name} ${type}`),
  onConnection: () => undefined,
  onEnd: () => undefined,
});

/** A run that has sent the request `id`. */
function sends(id: string): Turn {
  const events = eventsOf(id);
  const turn: Turn = { events, requests: new Set() };
  const by = { msgId: id, session: "s", date: new Date(0) };
  routing.sends(executeRequest("1", "python", by, {}), turn, events);
  return turn;
}

const stream = (parent: string) => heard("stream", { name: "stdout", text: "x" }, parent);

test("the run in turn receives what its requests cause, and what nothing causes", () => {
  const turn = sends("r1");
  routing.receive(stream("r1"), turn);
  routing.receive(stream(""), turn);
  routing.receive(stream("another"), turn);
  routing.receive(stream("r1"), null);
  expect(told).toEqual(["r1 stream", "r1 stream"]);
});

test("a handler takes a message before the run", () => {
  taken = "stream";
  routing.receive(stream("r1"), sends("r1"));
  expect(told).toEqual([]);
});

test("a run that is over receives its late output and its permalink, once", () => {
  const one = sends("r1");
  const end = routing.follow(one, {
    onOutput: ({ type }) => told.push(`late ${type}`),
    onWarning: () => undefined,
    onEnd: (sentence) => told.push(`end ${sentence}`),
  });
  const two = sends("r2");
  routing.receive(stream("r1"), two);
  for (let count = 0; count < 2; count += 1) {
    routing.receive(heard("sagecell_permalink", { id: "a" }, "r1"), two);
  }
  routing.end("gone", two);
  routing.receive(heard("sagecell_permalink", { id: "b" }, "r2"), two);
  end();
  expect(told).toEqual(["late stream", "r1 sagecell_permalink", "end gone"]);
});
