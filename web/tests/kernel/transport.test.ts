import { beforeEach, describe, expect, test } from "vitest";

import { Transport } from "../../src/kernel/transport";
import { inputReply, shellRequest } from "../../src/protocol/messages";
import { FakeClock, FakeSocket, reports, said, settled } from "../fakes";

const ADDRESS = "wss://cells.test/a/kernel/k1/channels";
const MESSAGES = "https://cells.test/a/kernel/k1/messages";

/** A request, which the test answers. */
interface Asked {
  readonly url: string;
  readonly body: unknown;
  readonly signal: AbortSignal;
  answer(status: number, reply?: unknown): Promise<void>;
  fail(): Promise<void>;
}

class World {
  readonly clock = new FakeClock();
  readonly sockets: FakeSocket[] = [];
  readonly asked: Asked[] = [];
  readonly events: string[] = [];
  chance = 1;
  /** The sequence number of the message at which the listener throws. */
  mistakeAt = 0;
  readonly transport = new Transport({
    address: ADDRESS,
    events: {
      onOpen: () => this.events.push("open"),
      onMessage: ({ seq }) => {
        this.events.push(`heard ${String(seq)}`);
        if (seq === this.mistakeAt) throw new Error("a mistake");
      },
      onConnection: (connection) => this.events.push(connection),
      onEnd: ({ reason, message }) => this.events.push(`end ${reason}: ${message}`),
    },
    openSocket: (address) => {
      const socket = new FakeSocket(address);
      this.sockets.push(socket);
      return socket;
    },
    fetch: (url, init) =>
      new Promise((resolve, reject) => {
        this.asked.push({
          url,
          body: typeof init?.body === "string" ? JSON.parse(init.body) : null,
          signal: init!.signal!,
          answer: (status, reply) => {
            const text = typeof reply === "string" ? reply : JSON.stringify(reply);
            const body = reply === undefined ? null : text;
            resolve(new Response(body, { status }));
            return settled();
          },
          fail: () => {
            reject(new TypeError("no network"));
            return settled();
          },
        });
      }),
    clock: this.clock,
    random: () => this.chance,
  });

  get socket(): FakeSocket {
    return this.sockets.at(-1)!;
  }

  get request(): Asked {
    return this.asked.at(-1)!;
  }

  /** Breaks the connection. */
  async cut(): Promise<void> {
    this.socket.closes(1006);
    await settled();
  }

  send(id: string): void {
    const by = { msgId: id, session: "s1", date: this.clock.date() };
    this.transport.send(shellRequest("x_request", {}, by));
  }
}

const numbered = (seq: number, parent = "") => ({ ...said("stream", {}, parent), seq });
const told = (...seqs: number[]) => ({ messages: seqs.map((seq) => numbered(seq)), after: 0 });

let world: World;
beforeEach(() => {
  world = new World();
});

describe("a WebSocket", () => {
  test("is opened with the number of the last message", () => {
    expect(world.socket.address).toBe(`${ADDRESS}?after=0&buffers=base64`);
    world.socket.opens();
    world.socket.says(numbered(1));
    expect(world.events).toEqual(["open", "heard 1"]);
  });

  test("that is lost continues after the messages that were fetched", async () => {
    world.socket.opens();
    world.socket.says(numbered(1));
    await world.cut();
    expect(world.request.url).toBe(`${MESSAGES}?after=1&wait=0&buffers=base64`);
    await world.request.answer(200, told(2, 3));
    expect(world.socket.address).toBe(`${ADDRESS}?after=3&buffers=base64`);
    world.socket.opens();
    world.socket.says(numbered(3));
    world.socket.says(numbered(4));
    expect(world.events).toEqual([
      "open",
      "heard 1",
      "lost",
      "heard 2",
      "heard 3",
      "restored",
      "heard 4",
    ]);
  });

  test("acknowledges messages from time to time", () => {
    world.socket.opens();
    world.socket.says({ ...numbered(1), content: { text: "x".repeat(70_000) } });
    world.socket.says(numbered(2));
    expect(world.socket.sent).toEqual([{ after: 1 }]);
  });

  test.each([1000, 1003, 1007, 1008, 1009])("that is closed with %d is closed", async (code) => {
    world.socket.opens();
    world.socket.closes(code, '{"error":"why","message":"This is why."}');
    await settled();
    expect(world.events).toEqual(["open", "end why: This is why."]);
    expect(world.asked).toEqual([]);
    expect(world.clock.pending).toBe(0);
  });

  test.each(["", "not JSON", '{"message": 7}'])(
    "closed for the reason %j has no words",
    (reason) => {
      world.socket.opens();
      world.socket.closes(1008, reason);
      expect(world.events).toEqual(["open", "end : "]);
    },
  );

  test("ignores frames that are not messages", () => {
    world.socket.opens();
    for (const frame of ["", "{", "[]", { content: {} }, { msg_type: 7 }]) world.socket.says(frame);
    world.socket.says(numbered(1));
    expect(world.events).toEqual(["open", "heard 1"]);
  });

  test("survives a listener that throws", () => {
    const reported = reports();
    world.socket.opens();
    world.mistakeAt = 1;
    world.socket.says(numbered(1));
    world.socket.says(numbered(2));
    expect(world.events).toEqual(["open", "heard 1", "heard 2"]);
    expect(reported()).toHaveLength(1);
  });

  test("delivers messages without a number", () => {
    world.socket.opens();
    world.socket.says(said("error", {}));
    world.socket.says(said("error", {}));
    expect(world.events).toEqual(["open", "heard undefined", "heard undefined"]);
  });
});

describe("a sent message", () => {
  test("without a response is sent again by a request", async () => {
    world.socket.opens();
    world.send("r1");
    world.send("r2");
    world.socket.says(numbered(1, "r1"));
    await world.cut();
    await world.request.answer(204);
    expect(world.request.url).toBe(MESSAGES);
    expect(world.request.body).toMatchObject([{ msg_id: "r2" }]);
    await world.request.answer(200, { accepted: ["r2"], refused: [], after: 1 });
    expect(world.sockets).toHaveLength(2);
    await world.cut();
    await world.request.answer(204);
    expect(world.asked).toHaveLength(3);
  });

  test("that answers a question is not sent again once the program asks the next", async () => {
    world.socket.opens();
    const by = { msgId: "a1", session: "s", date: world.clock.date() };
    world.transport.send(inputReply("Ada", by));
    world.socket.says({ ...said("input_request", { prompt: "And? " }, "r1"), seq: 1 });
    await world.cut();
    await world.request.answer(204);
    expect(world.sockets).toHaveLength(2); // Nothing had to be sent first.
  });

  test("may be rejected as a duplicate", async () => {
    world.socket.opens();
    world.send("r1");
    await world.cut();
    await world.request.answer(204);
    const refused = [{ index: 0, error: "duplicate_msg_id", message: "Still being answered." }];
    await world.request.answer(400, { error: "duplicate_msg_id", accepted: [], refused });
    expect(world.sockets).toHaveLength(2);
  });

  test("that is rejected ends the channel with the server's sentence", async () => {
    world.socket.opens();
    world.send("r1");
    await world.cut();
    await world.request.answer(204);
    const refused = [{ index: 0, error: "too_many_requests", message: "Too many." }];
    await world.request.answer(400, { error: "too_many_requests", accepted: [], refused });
    expect(world.events.at(-1)).toBe("end too_many_requests: Too many.");
  });

  test("is sent over a WebSocket that is being opened", async () => {
    world.socket.opens();
    await world.cut();
    await world.request.answer(204);
    world.send("r1");
    expect(world.socket.sent).toEqual([]);
    world.socket.opens();
    expect(world.socket.sent).toMatchObject([{ msg_id: "r1" }]);
  });

  test("waits during an outage", async () => {
    world.socket.opens();
    await world.cut();
    world.send("r1");
    await world.request.answer(204);
    expect(world.request.body).toMatchObject([{ msg_id: "r1" }]);
  });
});

describe("long polls", () => {
  /** Makes two WebSockets fail to open. */
  async function fallBack(): Promise<void> {
    await world.cut();
    await world.request.answer(204);
    await world.cut();
    await world.request.answer(204);
  }

  test("replace WebSockets that do not open", async () => {
    await fallBack();
    expect(world.sockets).toHaveLength(2);
    expect(world.events).toEqual(["open"]);
    expect(world.request.url).toBe(`${MESSAGES}?after=0&wait=25&buffers=base64`);
    await world.request.answer(200, told(1, 2));
    expect(world.request.url).toBe(`${MESSAGES}?after=2&wait=25&buffers=base64`);
    await world.request.answer(204);
    await world.request.answer(410, { error: "session_ended", message: "Over." });
    expect(world.events).toEqual(["open", "heard 1", "heard 2", "end session_ended: Over."]);
    expect(world.clock.pending).toBe(0);
  });

  test("send by requests", async () => {
    await fallBack();
    world.send("r1");
    await settled();
    expect(world.request).toMatchObject({ url: MESSAGES, body: [{ msg_id: "r1" }] });
    await world.request.answer(200, { accepted: ["r1"], refused: [], after: 0 });
    expect(world.events).toEqual(["open"]);
  });

  test("send pending messages before the next poll", async () => {
    await fallBack();
    const poll = world.request;
    world.send("r1");
    await settled();
    await world.request.fail();
    await poll.answer(204);
    expect(world.request).toMatchObject({ url: MESSAGES, body: [{ msg_id: "r1" }] });
    await world.request.answer(200, { accepted: ["r1"], refused: [], after: 0 });
    expect(world.request.url).toBe(`${MESSAGES}?after=0&wait=25&buffers=base64`);
    expect(world.events).toEqual(["open"]);
  });

  test("survive a listener that throws", async () => {
    const reported = reports();
    await fallBack();
    world.mistakeAt = 1;
    await world.request.answer(200, told(1, 2));
    expect(world.events).toEqual(["open", "heard 1", "heard 2"]);
    expect(world.request.url).toBe(`${MESSAGES}?after=2&wait=25&buffers=base64`);
    expect(reported()).toMatchObject([[expect.anything(), { message: "a mistake" }]]);
  });

  test("do not ask again for a message that is malformed", async () => {
    await fallBack();
    await world.request.answer(200, '{"messages":[\n{"content":{}}}\n],"after":1}');
    expect(world.request.url).toBe(`${MESSAGES}?after=1&wait=25&buffers=base64`);
    expect(world.events).toEqual(["open"]);
  });

  test("that are lost are resumed", async () => {
    await fallBack();
    await world.request.fail();
    world.clock.advance(1);
    await settled();
    expect(world.request.url).toBe(`${MESSAGES}?after=0&wait=0&buffers=base64`);
    await world.request.answer(200, told(1));
    expect(world.events).toEqual(["open", "lost", "heard 1", "restored"]);
  });
});

describe("without a network", () => {
  test("attempts become less frequent and finally stop", async () => {
    world.socket.opens();
    await world.cut();
    for (let tries = 0; tries < 40 && !world.events.at(-1)!.startsWith("end"); tries += 1) {
      await world.request.fail();
      world.clock.advance(8);
      await settled();
    }
    expect(world.events).toEqual(["open", "lost", "end : "]);
    expect(world.asked.length).toBeLessThan(25);
    expect(world.clock.pending).toBe(0);
  });

  test.each([502, 503, 429])(
    "the status %d of a proxy leads to another attempt",
    async (status) => {
      world.socket.opens();
      await world.cut();
      await world.request.answer(status);
      world.clock.advance(1);
      await settled();
      await world.request.answer(204);
      world.socket.opens();
      expect(world.events).toEqual(["open", "lost", "restored"]);
    },
  );

  test.each([
    [1, 1],
    [0.5, 0.75],
    [0, 0.5],
  ])("attempts are repeated after a random pause: %d makes %d s", async (chance, seconds) => {
    world.chance = chance;
    world.socket.opens();
    await world.cut();
    for (const pause of [seconds, 2 * seconds, 4 * seconds, 8 * seconds, 8 * seconds]) {
      const before = world.asked.length;
      await world.request.fail();
      world.clock.advance(pause - 0.25);
      expect(world.asked).toHaveLength(before);
      world.clock.advance(0.25);
      expect(world.asked).toHaveLength(before + 1);
    }
  });

  test("an unknown kernel ends the channel with the server's sentence", async () => {
    world.socket.opens();
    await world.cut();
    await world.request.answer(404, { error: "unknown_kernel", message: "It has ended." });
    expect(world.events.at(-1)).toBe("end unknown_kernel: It has ended.");
  });
});

test("a WebSocket that opens after the end changes nothing", () => {
  world.transport.close();
  world.socket.opens();
  world.transport.close();
  expect(world.events).toEqual([]);
});

test("closing ends everything", async () => {
  world.socket.opens();
  await world.cut();
  const { signal } = world.request;
  world.transport.close();
  expect(signal.aborted).toBe(true);
  await world.request.answer(200, told(1));
  expect(world.events).toEqual(["open", "lost"]);
  expect(world.clock.pending).toBe(0);
});

test("closing closes the WebSocket", () => {
  world.socket.opens();
  world.transport.close();
  world.socket.says(numbered(1));
  expect(world.socket.isClosed).toBe(true);
  expect(world.events).toEqual(["open"]);
});
