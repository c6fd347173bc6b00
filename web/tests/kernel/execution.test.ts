import { beforeEach, describe, expect, test } from "vitest";

import { Execution, type State, isLive } from "../../src/kernel/execution";
import { Away, type KernelAddress, Refusal } from "../../src/kernel/server";
import { type JsonObject, type KernelMessage } from "../../src/protocol/messages";
import { type QueuePlace } from "../../src/protocol/queue";
import { FakeChannel, FakeClock, countingIds, reports, said, settled } from "../fakes";

const KERNEL: KernelAddress = { id: "k1", channels: "ws://cells.test/kernel/k1/channels" };

class World {
  readonly clock = new FakeClock();
  readonly channels: FakeChannel[] = [];
  readonly states: State[] = [];
  readonly messages: KernelMessage[] = [];
  readonly ended: string[] = [];
  readonly warnings: string[] = [];
  readonly permalinks: string[] = [];
  /** Whether opening a channel throws. */
  isForbidden = false;
  /** Whether the listener throws at each message. */
  isBroken = false;
  answer!: (kernel: KernelAddress) => void;
  refuse!: (error: unknown) => void;
  signal: AbortSignal | null = null;
  queued!: (place: QueuePlace) => void;
  readonly execution = new Execution({
    code: "print(1)",
    language: "python",
    permalink: {},
    waits: false,
    answers: true,
    server: {
      startKernel: (signal, onQueued) => {
        this.signal = signal;
        this.queued = onQueued;
        return new Promise((resolve, reject) => {
          this.answer = resolve;
          this.refuse = reject;
        });
      },
      endKernel: (id) => this.ended.push(id),
    },
    openChannel: (address, events) => {
      if (this.isForbidden) throw new DOMException("no WebSocket", "SecurityError");
      const channel = new FakeChannel(address, events);
      this.channels.push(channel);
      return channel;
    },
    clock: this.clock,
    newId: countingIds(),
    onMessage: (message) => {
      this.messages.push(message);
      if (this.isBroken) throw new Error("a mistake");
    },
    onState: (state) => this.states.push(state),
    onPermalink: (id) => this.permalinks.push(id),
    onWarning: (sentence) => this.warnings.push(sentence),
  });

  get channel(): FakeChannel {
    return this.channels[0]!;
  }

  get state(): State {
    return this.states.at(-1)!;
  }

  get names(): string[] {
    return this.states.map(({ name }) => name);
  }

  async start(): Promise<void> {
    void this.execution.start();
    await settled();
  }

  async connect(): Promise<void> {
    await this.start();
    this.answer(KERNEL);
    await settled();
  }

  async run(): Promise<void> {
    await this.connect();
    this.channel.opens();
  }

  /** Receives a message of `type` about this program. */
  says(type: string, content: JsonObject): void {
    const request = this.channel.sent[0]!.msg_id;
    this.channel.says(said(type, content, request));
  }

  replies(status: string): void {
    this.says("execute_reply", { status });
    this.says("status", { execution_state: "idle" });
  }

  warns(reason: string, message: string): void {
    this.channel.says(said("sagecell_warning", { reason, seconds: 60, message }));
  }

  dies(reason: string, message: string): void {
    this.channel.says(said("status", { execution_state: "dead", reason, message }));
  }
}

let world: World;
beforeEach(() => {
  world = new World();
});

test("a program that ends well: starting, running, done", async () => {
  await world.run();
  expect(world.channel.address).toBe(KERNEL.channels);
  expect(world.channel.sent).toMatchObject([
    {
      msg_type: "execute_request",
      channel: "shell",
      content: { code: "print(1)" },
      metadata: { language: "python" },
    },
  ]);
  world.says("status", { execution_state: "busy" });
  world.says("stream", { name: "stdout", text: "1\n" });
  world.clock.advance(2.5);
  world.replies("ok");
  world.dies("finished", "The program has finished.");
  world.channel.ends();
  expect(world.names).toEqual(["starting", "running", "done"]);
  expect(world.state).toEqual({ name: "done", seconds: 2.5 });
  expect(world.messages.map(({ type }) => type)).toEqual(["stream", "execute_reply"]);
  expect(world.clock.pending).toBe(0);
});

test("the duration excludes the start of the kernel", async () => {
  await world.start();
  world.clock.advance(4);
  world.answer(KERNEL);
  await settled();
  world.channel.opens();
  world.clock.advance(1);
  world.replies("ok");
  expect(world.state).toEqual({ name: "done", seconds: 1 });
});

test("a program that raises has failed", async () => {
  await world.run();
  world.says("error", { ename: "ZeroDivisionError", evalue: "", traceback: [] });
  world.replies("error");
  expect(world.names).toEqual(["starting", "running", "failed"]);
});

test("a program that exits with a status other than 0 has failed with that status", async () => {
  await world.run();
  world.says("execute_reply", { status: "error", ename: "SystemExit", evalue: "3" });
  world.says("status", { execution_state: "idle" });
  expect(world.state).toMatchObject({ name: "failed", exitStatus: 3, fault: "SystemExit: 3" });
});

test("an idle status for another request, or before the reply, ends nothing", async () => {
  await world.run();
  world.says("status", { execution_state: "idle" });
  world.says("execute_reply", { status: "ok" });
  world.channel.says(said("status", { execution_state: "idle" }, "another request"));
  expect(world.state.name).toBe("running");
});

test("a reply decides the state when the kernel is dead before idle", async () => {
  await world.run();
  world.says("execute_reply", { status: "ok" });
  world.dies("finished", "");
  expect(world.state.name).toBe("done");
});

describe("while all kernels are in use", () => {
  test("the position changes, and then the program runs", async () => {
    await world.start();
    world.queued({ position: 2, seconds: null });
    world.queued({ position: 1, seconds: 4 });
    expect(world.state).toEqual({ name: "waiting", position: 1, seconds: 4 });
    expect(isLive(world.state)).toBe(true);
    world.answer(KERNEL);
    await settled();
    expect(world.state).toEqual({ name: "starting" });
    world.channel.opens();
    world.replies("ok");
    expect(world.names).toEqual(["starting", "waiting", "waiting", "starting", "running", "done"]);
  });

  test("stop leaves the queue, and later positions are ignored", async () => {
    await world.start();
    world.queued({ position: 2, seconds: null });
    world.execution.stop();
    expect(world.signal?.aborted).toBe(true);
    world.queued({ position: 1, seconds: null });
    world.refuse(new DOMException("aborted", "AbortError"));
    await settled();
    expect(world.names).toEqual(["starting", "waiting", "stopped"]);
  });

  test("an unsuccessful wait is a refusal", async () => {
    await world.start();
    world.queued({ position: 2, seconds: null });
    world.refuse(new Refusal("All kernels are in use."));
    await settled();
    expect(world.state).toEqual({ name: "refused", message: "All kernels are in use." });
  });
});

describe("an end that the program did not choose", () => {
  test.each(["idle", "lifetime", "cpu", "memory", "crashed", "draining"])(
    "%s is told in the server's words",
    async (reason) => {
      await world.run();
      world.dies(reason, "This is why.");
      world.channel.ends();
      expect(world.state).toEqual({ name: "ended", reason, message: "This is why." });
    },
  );

  test("has a default sentence", async () => {
    await world.run();
    world.channel.says(said("status", { execution_state: "dead" }));
    expect(world.state).toMatchObject({ name: "ended", message: "The program has ended." });
  });

  test("a lost connection has the server's reason", async () => {
    await world.run();
    world.channel.ends("stalled", "You took nothing for a minute.");
    expect(world.state).toEqual({ name: "lost", message: "You took nothing for a minute." });
  });

  test("a lost connection may have no reason", async () => {
    await world.run();
    world.channel.ends();
    expect(world.state).toEqual({ name: "lost", message: "" });
  });

  test("during an outage, the state is reconnecting", async () => {
    await world.run();
    world.clock.advance(2);
    world.channel.connection("lost");
    expect(world.state).toEqual({ name: "reconnecting" });
    expect(isLive(world.state)).toBe(true);
    world.channel.connection("restored");
    expect(world.state).toEqual({ name: "running", since: world.clock.now() - 2 });
    world.replies("ok");
    expect(world.names).toEqual(["starting", "running", "reconnecting", "running", "done"]);
  });

  test("a program that is being stopped keeps that state", async () => {
    await world.run();
    world.execution.stop();
    world.channel.connection("lost");
    world.channel.connection("restored");
    expect(world.state.name).toBe("stopping");
  });

  test("a channel that never opens is a lost connection", async () => {
    await world.connect();
    world.channel.ends();
    expect(world.names).toEqual(["starting", "lost"]);
  });

  test("a refusal has the server's sentence", async () => {
    await world.start();
    world.refuse(new Refusal("Too many kernels."));
    await settled();
    expect(world.state).toEqual({ name: "refused", message: "Too many kernels." });
    expect(isLive(world.state)).toBe(false);
  });
});

describe("a server that is away", () => {
  const away = async () => {
    world.refuse(new Away("Nobody answers."));
    await settled();
  };

  test("is asked again until it is there", async () => {
    await world.start();
    await away();
    expect(world.state).toEqual({ name: "away", message: "Nobody answers." });
    expect(isLive(world.state)).toBe(true);
    world.clock.advance(1);
    await away();
    world.clock.advance(2);
    world.answer(KERNEL);
    await settled();
    world.channel.opens();
    expect(world.names).toEqual(["starting", "away", "away", "starting", "running"]);
    expect(world.clock.pending).toBe(0);
  });

  test("is given up after some minutes", async () => {
    await world.start();
    for (let tries = 0; tries < 9; tries += 1) {
      await away();
      expect(world.state.name).toBe("away");
      world.clock.advance(30);
    }
    await away();
    expect(world.state).toEqual({ name: "refused", message: "Nobody answers." });
    expect(world.clock.pending).toBe(0);
  });

  test("is not asked again after Stop", async () => {
    await world.start();
    await away();
    world.execution.stop();
    expect(world.state.name).toBe("stopped");
    expect(world.clock.pending).toBe(0);
  });

  test("that then refuses has refused", async () => {
    await world.start();
    await away();
    world.clock.advance(1);
    world.refuse(new Refusal("Too many."));
    await settled();
    expect(world.state).toEqual({ name: "refused", message: "Too many." });
  });
});

describe("stop", () => {
  test("interrupts, and the program's own end is then a stop", async () => {
    await world.run();
    world.clock.advance(3);
    world.execution.stop();
    expect(world.channel.sent[1]).toMatchObject({
      msg_type: "interrupt_request",
      channel: "control",
    });
    world.replies("error");
    expect(world.names).toEqual(["starting", "running", "stopping", "stopped"]);
    expect(world.state).toEqual({ name: "stopped", seconds: 3 });
    expect(world.ended).toEqual([]);
    expect(world.clock.pending).toBe(0);
  });

  test("just before a successful end leaves it done", async () => {
    await world.run();
    world.execution.stop();
    world.replies("ok");
    expect(world.state.name).toBe("done");
  });

  test("a second time ends the kernel", async () => {
    await world.run();
    world.execution.stop();
    world.execution.stop();
    expect(world.ended).toEqual(["k1"]);
    world.dies("stopped", "You stopped it.");
    expect(world.state.name).toBe("stopped");
  });

  test("once is enough, because the server ends programs that ignore the interrupt", async () => {
    await world.run();
    world.execution.stop();
    world.clock.advance(5);
    expect(world.ended).toEqual([]);
    world.dies("stopped", "The session was stopped.");
    world.channel.ends();
    expect(world.state).toEqual({ name: "stopped", seconds: 5 });
    expect(world.clock.pending).toBe(0);
  });

  test("is repeated for a silent server, and finally given up", async () => {
    await world.run();
    world.execution.stop();
    world.clock.advance(14.9);
    expect(world.ended).toEqual([]);
    world.clock.advance(0.2);
    expect(world.ended).toEqual(["k1"]);
    expect(world.state.name).toBe("stopping");
    world.clock.advance(5);
    expect(world.state.name).toBe("stopped");
    expect(world.channel.isClosed).toBe(true);
    expect(world.clock.pending).toBe(0);
  });

  test("a connection that closes meanwhile counts as stopped", async () => {
    await world.run();
    world.execution.stop();
    world.channel.ends();
    expect(world.state.name).toBe("stopped");
  });

  test("while a kernel is requested aborts the request", async () => {
    await world.start();
    world.execution.stop();
    expect(world.signal?.aborted).toBe(true);
    world.refuse(new DOMException("aborted", "AbortError"));
    await settled();
    expect(world.names).toEqual(["starting", "stopped"]);
  });

  test("ends a kernel that starts nevertheless", async () => {
    await world.start();
    world.execution.stop();
    world.answer(KERNEL);
    await settled();
    expect(world.ended).toEqual(["k1"]);
    expect(world.channels).toEqual([]);
  });

  test("while connecting ends the kernel", async () => {
    await world.connect();
    world.execution.stop();
    expect(world.ended).toEqual(["k1"]);
    expect(world.channel.isClosed).toBe(true);
    expect(world.state.name).toBe("stopped");
  });

  test("after the end does nothing", async () => {
    await world.run();
    world.replies("ok");
    world.execution.stop();
    expect(world.state.name).toBe("done");
    expect(world.ended).toEqual([]);
  });
});

describe("a warning", () => {
  test("has the server's sentence, and is no output", async () => {
    await world.run();
    world.warns("lifetime", "In 60 seconds it is over.");
    expect(world.warnings).toEqual(["In 60 seconds it is over."]);
    expect(world.messages).toEqual([]);
    expect(world.state.name).toBe("running");
  });

  test("of idleness is withdrawn when work begins", async () => {
    await world.run();
    world.warns("idle", "Idle for long.");
    world.says("status", { execution_state: "busy" });
    world.says("status", { execution_state: "busy" });
    expect(world.warnings).toEqual(["Idle for long.", ""]);
  });

  test("of the lifetime is not", async () => {
    await world.run();
    world.warns("lifetime", "Old.");
    world.says("status", { execution_state: "busy" });
    expect(world.warnings).toEqual(["Old."]);
  });

  test("ends with the program", async () => {
    await world.run();
    world.warns("lifetime", "Old.");
    world.dies("lifetime", "Too old.");
    expect(world.warnings).toEqual(["Old.", ""]);
  });

  test.each([{}, { reason: 7, message: ["x"] }])(
    "without words says nothing: %j",
    async (content) => {
      await world.run();
      world.channel.says(said("sagecell_warning", content));
      expect(world.warnings).toEqual([""]);
      expect(world.messages).toEqual([]);
    },
  );

  test("after the end is ignored", async () => {
    await world.run();
    world.replies("ok");
    world.warns("idle", "Idle for long.");
    expect(world.warnings).toEqual([""]);
  });
});

test("a permalink is no output, and may come after the end", async () => {
  await world.run();
  expect(world.channel.sent[0]!.metadata["sagecell"]).toEqual({ permalink: true });
  world.says("sagecell_permalink", { id: "a" });
  world.replies("ok");
  world.says("sagecell_permalink", { id: "b" });
  world.says("sagecell_permalink", { error: "store_full", message: "Full." });
  expect(world.permalinks).toEqual(["a", "b", ""]);
  expect(world.messages.map(({ type }) => type)).not.toContain("sagecell_permalink");
  expect(world.state.name).toBe("done");
});

test("messages after the end are ignored", async () => {
  await world.run();
  world.replies("ok");
  const heard = world.messages.length;
  world.says("stream", { name: "stdout", text: "a ghost" });
  world.channel.ends();
  expect(world.messages).toHaveLength(heard);
  expect(world.state.name).toBe("done");
});

test("an exception in a listener is reported, and the program continues", async () => {
  const reported = reports();
  await world.run();
  world.isBroken = true;
  world.says("stream", { name: "stdout", text: "1" });
  world.says("execute_reply", { status: "ok" });
  world.says("status", { execution_state: "idle" });
  expect(world.state.name).toBe("done");
  expect(reported()).toHaveLength(2);
});

test("an unexpected error while starting is reported, and is a refusal", async () => {
  const reported = reports();
  await world.start();
  world.refuse(new TypeError("a mistake"));
  await settled();
  expect(world.state).toEqual({ name: "refused", message: "TypeError: a mistake" });
  expect(reported()).toMatchObject([[expect.anything(), { message: "a mistake" }]]);
});

test("a channel that cannot be opened is a refusal, and the kernel is ended", async () => {
  const reported = reports();
  world.isForbidden = true;
  await world.connect();
  expect(world.state).toEqual({ name: "refused", message: "SecurityError: no WebSocket" });
  expect(world.ended).toEqual(["k1"]);
  expect(reported()).toMatchObject([[expect.anything(), { name: "SecurityError" }]]);
});
