import { expect, test } from "vitest";

import { decodeOverview } from "../../../src/protocol/admin/overview";
import { overviewText } from "../../admin/overviews";

test("all that the page shows", () => {
  const overview = decodeOverview(overviewText())!;
  expect(overview).toMatchObject({
    version: "1.2",
    sandbox: "namespaces",
    isStarting: false,
    draining: null,
    canDrain: true,
    csrf: "hush",
    uptime: 100,
    running: 2,
    ready: 1,
    limit: 81,
    ends: [
      { name: "crashed", total: 9, recent: 3 },
      { name: "finished", total: 5, recent: 0 },
    ],
    sites: [{ name: "book.example", total: 7, recent: 1 }],
    refused: [{ name: "too_many_kernels", total: 4 }],
    places: [{ purpose: "kernel", taken: 2, limit: 64, waiting: 1, queueLimit: 128 }],
    queue: [{ purpose: "kernel", position: 1, from: "this machine" }],
  });
  expect(overview.sessions.map(({ from, cpu, age }) => [from, cpu, age])).toEqual([
    ["book.example, 203.0.113.0/24", 10, 61],
    ["key course", null, 0],
  ]);
  expect(overview.machines.map(({ load, memory }) => [load, memory])).toEqual([
    [0.5, 2048],
    [null, null],
  ]);
});

test("anything else is nothing, or empty", () => {
  expect(["", "[]", "nonsense", "null"].map(decodeOverview)).toEqual([null, null, null, null]);
  const empty = decodeOverview('{"status": 1, "sessions": [1], "places": [], "sites": {}}')!;
  expect([empty.sessions, empty.places, empty.sites, empty.ends]).toEqual([[], [], [], []]);
  expect([empty.version, empty.uptime, empty.csrf]).toEqual(["", 0, ""]);
});
