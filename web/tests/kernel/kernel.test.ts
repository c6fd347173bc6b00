import { beforeEach, describe, expect, test } from "vitest";

import { Execution, type State } from "../../src/kernel/execution";
import { Kernel } from "../../src/kernel/kernel";
import { harmless } from "../../src/output/policy";
import { type ClientMessage, type JsonObject, executeRequest } from "../../src/protocol/messages";
import { FakeChannel, FakeClock, countingIds, said, settled } from "../fakes";

class World {
  readonly channels: FakeChannel[] = [];
  readonly ended: string[] = [];
  readonly clock = new FakeClock();
  readonly newId = countingIds();
  starts = 0;
  held: Promise<void> = Promise.resolve();
  readonly kernel: Kernel;

  constructor(isShared = true) {
    this.kernel = new Kernel({
      start: async () => {
        this.starts += 1;
        const id = `k${this.starts}`;
        await this.held;
        return { id, channels: "ws://x/" };
      },
      end: (id) => this.ended.push(id),
      openChannel: (address, events) => {
        const channel = new FakeChannel(address, events);
        this.channels.push(channel);
        return channel;
      },
      clock: this.clock,
      newId: this.newId,
      isShared,
    });
  }

  get channel(): FakeChannel {
    return this.channels.at(-1)!;
  }

  /** Runs a program in a cell; returns its messages and states. */
  run(code: string): { execution: Execution; heard: string[]; states: State["name"][] } {
    const run = this.kernel.run();
    const heard: string[] = [];
    const states: State["name"][] = [];
    const execution = new Execution({
      code,
      language: "python",
      permalink: null,
      waits: false,
      answers: true,
      server: run.server,
      openChannel: run.openChannel,
      clock: this.clock,
      newId: this.newId,
      onMessage: ({ type, content }) =>
        heard.push(type === "stream" ? `${type} ${content.text}` : type),
      onState: ({ name }) => {
        states.push(name);
        if (!["starting", "waiting", "running", "reconnecting", "stopping"].includes(name))
          run.over();
      },
      onPermalink: () => undefined,
      onWarning: () => undefined,
    });
    void execution.start();
    return { execution, heard, states };
  }

  get sent(): ClientMessage[] {
    return this.channels.flatMap((channel) => channel.sent);
  }

  get codes(): unknown[] {
    return this.sent.map(({ content }) => content["code"]);
  }

  says(type: string, content: JsonObject, parent = this.sent.at(-1)!.msg_id): void {
    this.channel.says(said(type, content, parent));
  }

  done(parent = this.sent.at(-1)!.msg_id): void {
    this.says("execute_reply", { status: "ok" }, parent);
    this.says("status", { execution_state: "idle" }, parent);
  }
}

let world: World;
beforeEach(() => (world = new World()));

// contract: 12.3
test("linked cells share a kernel, and run in order", async () => {
  const [one, two, three] = ["1", "2", "3"].map((code) => world.run(code));
  await settled();
  world.channel.opens();
  expect(world.codes).toEqual(["1"]);
  world.says("stream", { text: "of one" });
  expect(two!.states).toEqual(["starting"]);
  world.done();
  await settled();
  expect(world.codes).toEqual(["1", "2"]);
  world.says("stream", { text: "of two" });
  world.says("stream", { text: "late" }, world.sent[0]!.msg_id);
  world.done();
  await settled();
  world.done();
  expect([one, two, three].map((each) => each!.states.at(-1))).toEqual(["done", "done", "done"]);
  expect(one!.heard).toEqual(["stream of one", "execute_reply"]);
  expect(two!.heard).toEqual(["stream of two", "execute_reply"]);
  expect([world.starts, world.channels.length, world.ended]).toEqual([1, 1, []]);
});

test("late messages of an earlier run do not reach the next one", async () => {
  const one = world.run("1");
  await settled();
  world.channel.opens();
  world.done();
  const two = world.run("2");
  await settled();
  world.says("stream", { text: "late" }, world.sent[0]!.msg_id);
  world.says("stream", { text: "of two" });
  world.done();
  expect(one.heard).toEqual(["execute_reply"]);
  expect(two.heard).toEqual(["stream of two", "execute_reply"]);
});

test("a run that is stopped while waiting does not let the next one overtake", async () => {
  const [, two, three] = ["1", "2", "3"].map((code) => world.run(code));
  await settled();
  world.channel.opens();
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

test("a program that obeys its interrupt leaves the kernel to the others", async () => {
  const [one] = ["1", "2"].map((code) => world.run(code));
  await settled();
  world.channel.opens();
  one!.execution.stop();
  world.says("execute_reply", { status: "error" }, world.sent[0]!.msg_id);
  world.says("status", { execution_state: "idle" }, world.sent[0]!.msg_id);
  await settled();
  expect(one!.states.at(-1)).toBe("stopped");
  expect(world.channel.isClosed).toBe(false);
  expect(world.codes.at(-1)).toBe("2");
  expect(world.starts).toBe(1);
});

test.each(["says dead", "closes"])("after a kernel %s, the next run has another", async (how) => {
  const [one, two] = ["1", "2"].map((code) => world.run(code));
  await settled();
  world.channel.opens();
  if (how === "closes") world.channel.ends();
  else {
    const content = { execution_state: "dead", reason: "memory", message: "Too much." };
    world.channel.says(said("status", content));
  }
  await settled();
  expect(one!.states.at(-1)).toBe(how === "closes" ? "lost" : "ended");
  expect([world.starts, world.channels.length]).toEqual([2, 2]);
  world.channel.opens();
  expect(two!.states.at(-1)).toBe("running");
});

test("a kernel that was ended with its program is not used again", async () => {
  const one = world.run("1");
  await settled();
  world.channel.opens();
  one.execution.stop();
  one.execution.stop();
  world.clock.advance(60);
  expect(one.states.at(-1)).toBe("stopped");
  expect(world.ended).toEqual(["k1"]);
  expect(world.channel.isClosed).toBe(true);
  world.run("2");
  await settled();
  expect(world.starts).toBe(2);
});

describe("a request", () => {
  const open = async () => {
    world.run("1");
    await settled();
    world.channel.opens();
    world.done();
  };

  test("is fulfilled by a reply and an idle status", async () => {
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

  test("is fulfilled also when the idle status precedes the reply", async () => {
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

  test("rejects without a kernel, or when it ends", async () => {
    await expect(world.kernel.request("x", {})).rejects.toThrow("The program has ended.");
    await open();
    const asked = world.kernel.request("x", {});
    world.kernel.end();
    await expect(asked).rejects.toThrow("The program has ended.");
    expect(world.ended).toEqual(["k1"]);
    expect(world.kernel.isIdle).toBe(false);
  });
});

test("messages of unknown types are ignored", async () => {
  const one = world.run("1");
  await settled();
  world.channel.opens();
  world.channel.says({ msg_type: "x", metadata: 7 });
  world.done();
  expect(one.states.at(-1)).toBe("done");
});

test("outages are reported to the current run", () => {
  const heard: string[] = [];
  world.kernel.run().openChannel("ws://x/", {
    onOpen: () => undefined,
    onMessage: () => undefined,
    onConnection: (connection) => heard.push(connection),
    onEnd: () => undefined,
  });
  world.channel.connection("lost");
  world.channel.connection("restored");
  expect(heard).toEqual(["lost", "restored"]);
});

test("`leave` ends the kernel and the run; the next run starts another kernel", async () => {
  const one = world.run("1");
  const waiting = world.run("behind it");
  await settled();
  world.channel.opens();
  world.kernel.leave();
  await settled();
  expect(waiting.states.at(-1)).toBe("refused");
  expect([world.ended, world.channel.isClosed]).toEqual([["k1"], true]);
  expect(one.states.at(-1)).toBe("lost");
  world.kernel.leave();
  expect(world.ended).toEqual(["k1"]);
  world.run("2");
  await settled();
  world.channel.opens();
  expect([world.starts, world.codes]).toEqual([2, ["1", "2"]]);
});

test("a kernel that starts after `leave` is ended", async () => {
  const one = world.run("1");
  world.kernel.leave();
  await settled();
  expect(one.states.at(-1)).toBe("refused");
  expect([world.starts, world.channels.length]).toEqual([0, 0]);
  let release: () => void = () => undefined;
  world.held = new Promise((resolve) => (release = resolve));
  const two = world.run("2");
  await settled();
  expect(world.starts).toBe(1);
  world.kernel.leave();
  release();
  await settled();
  expect([two.states.at(-1), world.ended, world.channels.length]).toEqual(["refused", ["k1"], 0]);
});

test("a run that is over receives no more messages", () => {
  const heard: string[] = [];
  const run = world.kernel.run();
  const channel = run.openChannel("ws://x/", {
    onOpen: () => heard.push("open"),
    onMessage: ({ type }) => heard.push(type),
    onConnection: (connection) => heard.push(connection),
    onEnd: () => heard.push("end"),
  });
  world.channel.opens();
  const by = { msgId: "r1", session: "s1", date: world.clock.date() };
  channel.send(executeRequest("1", "python", by));
  world.says("stream", { text: "in time" }, "r1");
  run.over();
  world.says("stream", { text: "late" }, "r1");
  world.channel.says(said("sagecell_warning", {}));
  world.channel.connection("lost");
  world.channel.ends();
  expect(heard).toEqual(["open", "stream"]);
});

test("a run that is over still receives the permalink that it asked for, once", () => {
  const permalinks: unknown[] = [];
  const run = world.kernel.run();
  const channel = run.openChannel("ws://x/", {
    onOpen: () => undefined,
    onMessage: ({ type, content }) => permalinks.push([type, content]),
    onConnection: () => undefined,
    onEnd: () => undefined,
  });
  world.channel.opens();
  const by = { msgId: "r1", session: "s1", date: world.clock.date() };
  channel.send(executeRequest("1", "python", by, {}));
  run.over();
  world.says("sagecell_permalink", { id: "of another client" }, "r2");
  world.says("sagecell_permalink", { id: "a" }, "r1");
  world.says("sagecell_permalink", { id: "a" }, "r1");
  expect(permalinks).toEqual([["sagecell_permalink", { id: "a" }]]);
});

test("the kernel is idle between runs, also after a run that never started", async () => {
  const [, two] = ["1", "2"].map((code) => world.run(code));
  await settled();
  world.channel.opens();
  two!.execution.stop();
  expect(world.kernel.isIdle).toBe(false);
  world.done();
  await settled();
  expect(world.kernel.isIdle).toBe(true);
});

describe("a kernel that is being ended", () => {
  test("before there is a channel to it is not used again", async () => {
    const run = world.kernel.run();
    const { id } = await run.server.startKernel(new AbortController().signal, () => undefined);
    run.server.endKernel(id);
    run.over();
    world.run("2");
    await settled();
    expect([world.ended, world.starts]).toEqual([["k1"], 2]);
  });

  test("is not used again, even if its program ends well after all", async () => {
    const one = world.run("1");
    await settled();
    world.channel.opens();
    const request = world.sent[0]!.msg_id;
    one.execution.stop();
    one.execution.stop();
    expect([world.kernel.isAlive, world.ended]).toEqual([false, ["k1"]]);
    world.says("execute_reply", { status: "ok" }, request);
    world.says("status", { execution_state: "idle" }, request);
    expect(one.states.at(-1)).toBe("done");
    world.run("2");
    await settled();
    expect([world.starts, world.channels.length]).toEqual([2, 2]);
    expect(world.channels[0]!.isClosed).toBe(true);
  });
});

describe("a kernel that gives way to others", () => {
  const rests = () => world.kernel.restsAfter;

  test("does so when it has nothing to do", async () => {
    expect(rests()).toBeNull();
    world.run("1");
    await settled();
    world.channel.opens();
    expect(rests()).toBeNull();
    world.run("2");
    world.done();
    expect(rests()).toBeNull();
    await settled();
    world.done();
    expect(rests()).toBe(1);
    const reply = world.kernel.request("complete_request", {});
    expect(rests()).toBeNull();
    world.says("complete_reply", { status: "ok" });
    world.says("status", { execution_state: "idle" });
    await reply;
    expect(rests()).toBe(1);
    world.kernel.giveWay();
    expect([world.ended, world.channel.isClosed, rests()]).toEqual([["k1"], true, null]);
    world.run("3");
    await settled();
    expect(world.starts).toBe(2);
  });

  test("does so later if its variables are of use to one cell only", async () => {
    world = new World(false);
    world.run("1");
    await settled();
    world.channel.opens();
    world.done();
    expect(rests()).toBe(10);
  });

  test("without a program to run anew, it cannot be started by its controls", async () => {
    world.run("1");
    await settled();
    world.channel.opens();
    world.done();
    world.kernel.giveWay();
    await expect(world.kernel.request("x", {})).rejects.toThrow("ended");
  });
});

test("output that a widget captures is not its program's; bytes go both ways; the end is told", async () => {
  const { heard } = world.run("display(slider)");
  await settled();
  world.channel.opens();
  const request = world.sent.at(-1)!.msg_id;
  const comm = (type: string, data: JsonObject) =>
    world.says(type, { comm_id: "o", target_name: "jupyter.widget", data }, request);
  comm("comm_open", { state: { _model_module: "@jupyter-widgets/output", msg_id: "" } });
  comm("comm_msg", { method: "update", state: { msg_id: request } });
  world.says("stream", { name: "stdout", text: "captured" }, request);
  comm("comm_msg", { method: "update", state: { msg_id: "" } });
  world.says("stream", { name: "stdout", text: "shown" }, request);
  world.done(request);
  expect(heard).toEqual(["stream shown", "execute_reply"]);
  const told: string[] = [];
  const output = { append: () => undefined, flush: () => undefined };
  const showing = harmless({ fileAddress: () => null });
  const source = world.kernel.widgets.source(() => ({ showing, output }));
  const connection = source.connect(({ kind }) => told.push(kind));
  const buffers = [Uint8Array.of(0, 1, 2).buffer];
  connection.send({ sent: 1, id: "o", data: { method: "custom" }, buffers });
  expect(world.sent.at(-1)).toMatchObject({ msg_type: "comm_msg", buffers: ["AAEC"] });
  world.channel.ends();
  expect(told).toEqual(["open", "complete", "end"]);
});
