/**
 * A talk with a kernel through \@jupyterlab/services, unmodified, in Node and in browsers alike.
 *
 * `settings` are the package's, whose WebSockets are in `sockets` as they are opened; `breakOff` ends one of them without a
 * closing handshake. Returns what was seen.
 */
export async function talk({ services, settings, sockets, breakOff }) {
  const { KernelAPI, KernelManager } = services;
  const manager = new KernelManager({ serverSettings: settings });
  const quiet = () => {};
  const seen = {};

  /** Waits until `done` returns true. */
  async function until(done) {
    while (!done()) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  /** Calls `take` with each message; after a cut, those that were not acknowledged come a second time. */
  function once(take) {
    const ids = new Set();
    return (message) => {
      const { msg_id: id } = message.header;
      if (!ids.has(id)) take(message);
      ids.add(id);
    };
  }

  /** The text and the errors of a program, and the status of its reply. */
  async function run(kernel, code, options = {}) {
    const future = kernel.requestExecute({ code, ...options });
    const told = [];
    future.onIOPub = once((message) => {
      if (message.header.msg_type === "stream") told.push(message.content.text);
      if (message.header.msg_type === "error") told.push(message.content.ename);
      if (message.header.msg_type === "display_data") told.push("display");
    });
    future.onStdin = (message) => {
      told.push(message.content.prompt);
      future.sendInputReply({ status: "ok", value: "Ada" }, message.header);
    };
    const reply = await future.done;
    return [told.join(""), reply.content.status];
  }

  /** Cuts the kernel's connection; returns when there is another one. */
  async function cut() {
    const latest = () => sockets.findLast((each) => each.url.includes(kernel.clientId));
    const socket = latest();
    await breakOff(socket);
    await until(() => latest() !== socket && kernel.connectionStatus === "connected");
  }

  const kernel = await manager.startNew({ name: "python3" });
  const states = [];
  kernel.statusChanged.connect((_, status) => states.push(status));
  seen.info = (await kernel.info).language_info.name;
  seen.protocol = sockets[0].protocol;
  seen.hello = await run(kernel, "print(6 * 7)");
  seen.stdin = await run(kernel, "print(input('who? '))", { allow_stdin: true });

  /** Resolves when the next message of this type comes on iopub. */
  function published(type) {
    return new Promise((resolve) => {
      const listen = (_, { header }) => {
        if (header.msg_type !== type) return;
        kernel.iopubMessage.disconnect(listen);
        resolve();
      };
      kernel.iopubMessage.connect(listen);
    });
  }

  // Interrupt.
  const printed = published("stream");
  const sleeping = run(kernel, "import time\nprint('on', flush=True)\ntime.sleep(60)");
  await printed;
  await kernel.interrupt();
  seen.interrupted = await sleeping;

  // A comm with buffers, both ways.
  await run(
    kernel,
    `
from comm import create_comm
def echo(comm, message):
    @comm.on_msg
    def _(message):
        comm.send({"n": len(message["buffers"])}, buffers=[bytes(b)[::-1] for b in message["buffers"]])
get_ipython().kernel.comm_manager.register_target("echo", echo)
  `,
  );
  const comm = kernel.createComm("echo");
  const echoed = new Promise((resolve) => {
    comm.onMsg = (message) => resolve(message.buffers.map((each) => [...new Uint8Array(each.buffer ?? each)]));
  });
  comm.open();
  comm.send({}, {}, [new Uint8Array([1, 2, 3]).buffer, new Uint8Array([4]).buffer]);
  seen.comm = await echoed;

  // A second client: hears what is published, and gets no replies.
  const other = manager.connectTo({ model: kernel.model });
  await other.info;
  const heard = [];
  other.anyMessage.connect((_, { msg, direction }) => {
    if (direction === "recv" && msg.parent_header.session === kernel.clientId)
      heard.push(msg.channel);
  });
  await run(kernel, "print('to all')");
  await new Promise((resolve) => setTimeout(resolve, 100));
  seen.second = [...new Set(heard)];

  // Cut and reconnect, between bursts of output.
  let lines = 0;
  const count = once(({ header, content }) => {
    if (header.msg_type === "stream") lines += content.text.split("\n").length - 1;
  });
  kernel.iopubMessage.connect((_, message) => count(message));
  const counting = run(
    kernel,
    "import time\nfor i in range(2000):\n    print(i)\n    if i % 100 == 99: time.sleep(.1)",
  );
  for (let cuts = 0; cuts < 3; cuts += 1) {
    const before = lines;
    await until(() => lines > before && lines % 100 === 0);
    await cut();
  }
  const [text, status] = await counting;
  const expected = Array.from({ length: 2000 }, (_, i) => `${i}\n`).join("");
  seen.cut = [text === expected, status];

  // A question is asked again of who returns, and an interrupt ends it.
  let asked = 0;
  const answered = [];
  const asking = kernel.requestExecute({ code: "print(input('well? '))", allow_stdin: true });
  asking.onIOPub = ({ content, header }) => {
    if (header.msg_type === "stream") answered.push(content.text);
  };
  asking.onStdin = ({ header }) => {
    asked += 1;
    if (asked === 2) asking.sendInputReply({ status: "ok", value: "yes" }, header);
  };
  await until(() => asked === 1);
  await cut();
  await asking.done;
  seen.again = [asked, answered.join("")];
  const waiting = kernel.requestExecute({ code: "input()", allow_stdin: true });
  waiting.onStdin = () => kernel.interrupt();
  seen.stopped = (await waiting.done).content.ename;

  // Restart.
  states.length = 0;
  const runs = published("execute_input");
  const running = kernel.requestExecute({ code: "import time; time.sleep(60)" });
  running.done.catch(quiet);
  // A request that comes after that for the restart, which is not on the WebSocket, is for the new process.
  await runs;
  await kernel.restart();
  await kernel.info;
  seen.restarted = await run(kernel, "print('again', 'time' in globals())");
  seen.states = [...new Set(states)].sort();
  seen.other = other.connectionStatus;
  seen.same = (await KernelAPI.getKernelModel(kernel.id, settings)).id === kernel.id;
  seen.otherRuns = await run(other, "print('other')");

  await kernel.shutdown();
  seen.gone = (await KernelAPI.getKernelModel(other.id, settings)) === undefined;
  return seen;
}
