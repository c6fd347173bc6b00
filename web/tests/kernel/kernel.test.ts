import { beforeEach, describe, expect, test } from "vitest";

import { Execution, type State } from "../../src/kernel/execution";
import { Kernel } from "../../src/kernel/kernel";
import type { JsonObject } from "../../src/protocol/messages";
import { FakeClock, FakeSocket, countingIds, said, settled } from "../fakes";

class World {
  readonly sockets: FakeSocket[] = [];
  readonly ended: string[] = [];
  readonly clock = new FakeClock();
  readonly newId = countingIds();
  starts = 0;
  held: Promise<void> = Promise.resolve();
  readonly kernel = new Kernel({
    start: async () => {
      this.starts += 1;
      const id = `k${this.starts}`;
      await this.held;
      return { id, channels: "ws://x/" };
    },
    end: (id) => this.ended.push(id),
    openSocket: (address) => {
      const socket = new FakeSocket(address);
      this.sockets.push(socket);
      return socket;
    },
    clock: this.clock,
    newId: this.newId,
  });

  get socket(): FakeSocket {
    return this.sockets.at(-1)!;
  }

  /** Has a cell run a program; what it heard, and how it went. */
  run(code: string): { execution: Execution; heard: string[]; states: State["name"][] } {
    const run = this.kernel.run();
    const heard: string[] = [];
    const states: State["name"][] = [];
    const execution = new Execution({
      code,
      language: "python",
      server: run.server,
      openSocket: run.openSocket,
      clock: this.clock,
      newId: this.newId,
      onMessage: ({ type, content }) => heard.push(`${type} ${content["text"] ?? ""}`.trim()),
      onState: ({ name }) => {
        states.push(name);
        if (!["starting", "waiting", "running", "reconnecting", "stopping"].includes(name))
          run.over();
      },
      onWarning: () => undefined,
    });
    void execution.start();
    return { execution, heard, states };
  }

  get sent(): JsonObject[] {
    return this.sockets.flatMap((socket) => socket.sent);
  }

  get codes(): unknown[] {
    return this.sent.map(({ content }) => (content as JsonObject)["code"]);
  }

  says(type: string, content: JsonObject, parent = this.sent.at(-1)!["msg_id"] as string): void {
    this.socket.says(said(type, content, parent));
  }

  done(parent = this.sent.at(-1)!["msg_id"] as string): void {
    this.says("execute_reply", { status: "ok" }, parent);
    this.says("status", { execution_state: "idle" }, parent);
  }
}

let world: World;
beforeEach(() => (world = new World()));

// contract: 12.3
test("linked cells share a kernel, and run in the order in which they asked", async () => {
  const [one, two, three] = ["1", "2", "3"].map((code) => world.run(code));
  await settled();
  world.socket.opens();
  expect(world.codes).toEqual(["1"]);
  world.says("stream", { text: "of one" });
  expect(two!.states).toEqual(["starting"]);
  world.done();
  await settled();
  expect(world.codes).toEqual(["1", "2"]);
  world.says("stream", { text: "of two" });
  world.says("stream", { text: "late" }, world.sent[0]!["msg_id"] as string);
  world.done();
  await settled();
  world.done();
  expect([one, two, three].map((each) => each!.states.at(-1))).toEqual(["done", "done", "done"]);
  expect(one!.heard).toEqual(["stream of one", "execute_reply"]);
  expect(two!.heard).toEqual(["stream of two", "execute_reply"]);
  expect([world.starts, world.sockets.length, world.ended]).toEqual([1, 1, []]);
});

test("what an earlier run of the same cell says late is not heard as the next one's", async () => {
  const one = world.run("1");
  await settled();
  world.socket.opens();
  world.done();
  const two = world.run("2");
  await settled();
  world.says("stream", { text: "late" }, world.sent[0]!["msg_id"] as string);
  world.says("stream", { text: "of two" });
  world.done();
  expect(one.heard).toEqual(["execute_reply"]);
  expect(two.heard).toEqual(["stream of two", "execute_reply"]);
});

test("who gives up while waiting lets the next one go, but not before its turn", async () => {
  const [, two, three] = ["1", "2", "3"].map((code) => world.run(code));
  await settled();
  world.socket.opens();
  two!.execution.stop();
  await settled();
  expect(world.codes).toEqual(["1"]);
  world.done();
  await settled();
  expect(world.codes).toEqual(["1", "3"]);
  expect(two!.states).toEqual(["starting", "stopped"]);
  expect(three!.states.at(-1)).toBe("running");
  expect(world.ended).toEqual([]);
});

test("a program that heeds its interrupt leaves the kernel to the others", async () => {
  const [one] = ["1", "2"].map((code) => world.run(code));
  await settled();
  world.socket.opens();
  one!.execution.stop();
  world.says("execute_reply", { status: "error" }, world.sent[0]!["msg_id"] as string);
  world.says("status", { execution_state: "idle" }, world.sent[0]!["msg_id"] as string);
  await settled();
  expect(one!.states.at(-1)).toBe("stopped");
  expect(world.socket.isClosed).toBe(false);
  expect(world.codes.at(-1)).toBe("2");
  expect(world.starts).toBe(1);
});

test.each(["says dead", "closes"])("after a kernel %s, the next run has another", async (how) => {
  const [one, two] = ["1", "2"].map((code) => world.run(code));
  await settled();
  world.socket.opens();
  if (how === "closes") world.socket.closes(1006);
  else {
    const content = { execution_state: "dead", reason: "memory", message: "Too much." };
    world.socket.says(said("status", content));
  }
  await settled();
  expect(one!.states.at(-1)).toBe(how === "closes" ? "lost" : "ended");
  expect([world.starts, world.sockets.length]).toEqual([2, 2]);
  world.socket.opens();
  expect(two!.states.at(-1)).toBe("running");
});

test("a kernel that had to go with its program is not used again", async () => {
  const one = world.run("1");
  await settled();
  world.socket.opens();
  one.execution.stop();
  one.execution.stop();
  world.clock.advance(60);
  expect(one.states.at(-1)).toBe("stopped");
  expect(world.ended).toEqual(["k1"]);
  expect(world.socket.isClosed).toBe(true);
  world.run("2");
  await settled();
  expect(world.starts).toBe(2);
});

describe("a request", () => {
  const open = async () => {
    world.run("1");
    await settled();
    world.socket.opens();
    world.done();
  };

  test("is answered once there is a reply and the kernel is idle", async () => {
    await open();
    const answers: JsonObject[] = [];
    const ids: string[] = [];
    const asked = world.kernel.request("x_request", { a: 1 }, (id) => ids.push(id));
    void asked.then((content) => answers.push(content));
    expect(world.sent.at(-1)).toMatchObject({ msg_type: "x_request", content: { a: 1 } });
    expect(ids).toEqual([world.sent.at(-1)!["msg_id"]]);
    world.says("x_reply", { b: 2 });
    await settled();
    expect(answers).toEqual([]);
    world.says("status", { execution_state: "idle" });
    await settled();
    expect(answers).toEqual([{ b: 2 }]);
  });

  test("is answered when the kernel says that it is idle before its reply", async () => {
    await open();
    const asked = world.kernel.request("complete_request", {});
    world.says("status", { execution_state: "idle" });
    world.says("complete_reply", { matches: ["print"] });
    expect(await asked).toEqual({ matches: ["print"] });
  });

  test("of a comm has no reply", async () => {
    await open();
    const asked = world.kernel.request("comm_msg", { comm_id: "c1", data: {} });
    world.says("status", { execution_state: "busy" });
    world.says("status", { execution_state: "idle" });
    expect(await asked).toEqual({});
  });

  test("fails with a sentence when there is no kernel, or no longer", async () => {
    await expect(world.kernel.request("x", {})).rejects.toThrow("The kernel has ended.");
    await open();
    const asked = world.kernel.request("x", {});
    world.kernel.end();
    await expect(asked).rejects.toThrow("The kernel has ended.");
    expect(world.ended).toEqual(["k1"]);
    expect(world.kernel.isIdle).toBe(false);
  });
});

test("frames that are no messages are passed over", async () => {
  const one = world.run("1");
  await settled();
  world.socket.opens();
  for (const frame of ["", "{", "[]", '{"msg_type":7}', '{"msg_type":"x","metadata":7}']) {
    world.socket.says(frame);
  }
  world.done();
  expect(one.states.at(-1)).toBe("done");
});

test("a connection that is lost for a while is told to whoever runs", async () => {
  const { openSocket } = world.kernel.run();
  const line = openSocket("ws://x/");
  const heard: boolean[] = [];
  line.onlost = (isLost) => heard.push(isLost);
  world.socket.onlost?.(true);
  world.socket.onlost?.(false);
  expect(heard).toEqual([true, false]);
});

test("a page that is left lets its kernel go, says so, and has another when it comes back", async () => {
  const one = world.run("1");
  const waiting = world.run("behind it");
  await settled();
  world.socket.opens();
  world.kernel.leave();
  await settled();
  expect(waiting.states.at(-1)).toBe("refused");
  expect([world.ended, world.socket.isClosed]).toEqual([["k1"], true]);
  expect(one.states.at(-1)).toBe("lost");
  world.kernel.leave();
  expect(world.ended).toEqual(["k1"]);
  world.run("2");
  await settled();
  world.socket.opens();
  expect([world.starts, world.codes]).toEqual([2, ["1", "2"]]);
});

test("a kernel that comes when the page has been left is let go", async () => {
  const one = world.run("1");
  world.kernel.leave();
  await settled();
  expect(one.states.at(-1)).toBe("refused");
  expect([world.starts, world.sockets.length]).toEqual([0, 0]);
  let release: () => void = () => undefined;
  world.held = new Promise((resolve) => (release = resolve));
  const two = world.run("2");
  await settled();
  expect(world.starts).toBe(1);
  world.kernel.leave();
  release();
  await settled();
  expect([two.states.at(-1), world.ended, world.sockets.length]).toEqual(["refused", ["k1"], 0]);
});
