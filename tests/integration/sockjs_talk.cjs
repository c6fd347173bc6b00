// The real sockjs-client runs programs in a kernel, in Node or in a browser, by one transport.

/** Resolves to the messages, which are the same for each transport; rejects if it closes early. */
function converse(SockJS, url, kernelId, transport, programs) {
  return new Promise((resolve, reject) => {
    const socket = new SockJS(`${url}/sockjs?CellSessionID=talk`, null, {
      transports: [transport],
      // The default depends on the round trip to the server, and is too short on a busy machine.
      timeout: 30000,
    });
    const prefix = `${kernelId}/channels,`;
    const heard = { transport: "", outputs: [], kinds: [], close: 0 };
    let run = -1;

    function next() {
      run += 1;
      if (run === programs.length) {
        socket.close();
        return;
      }
      heard.outputs.push("");
      heard.kinds.push([]);
      const header = { msg_id: `m${run}`, msg_type: "execute_request", session: "talk" };
      const content = { code: programs[run], silent: false, allow_stdin: false };
      socket.send(prefix + JSON.stringify({ header, content, channel: "shell" }));
    }

    socket.onopen = () => {
      heard.transport = socket.transport;
      next();
    };
    socket.onmessage = ({ data }) => {
      if (!data.startsWith(prefix)) reject(new Error(`unexpected: ${data.slice(0, 100)}`));
      const message = JSON.parse(data.slice(prefix.length));
      if (message.parent_header.msg_id !== `m${run}`) return;
      if (message.msg_type === "stream") heard.outputs[run] += message.content.text;
      if (heard.kinds[run].at(-1) !== message.msg_type) heard.kinds[run].push(message.msg_type);
      if (message.content.execution_state === "idle") next();
    };
    socket.onclose = ({ code, reason }) => {
      heard.close = code;
      if (run === programs.length) resolve(heard);
      else reject(new Error(`closed too early: ${code} ${reason}`));
    };
  });
}

if (typeof module === "object" && require.main === module) {
  const [modules, url, kernelId, transport, programs] = process.argv.slice(2);
  const SockJS = require(require.resolve("sockjs-client", { paths: [modules] }));
  converse(SockJS, url, kernelId, transport, JSON.parse(programs)).then(
    (heard) => process.stdout.write(JSON.stringify(heard), () => process.exit(0)),
    (error) => {
      console.error(error);
      process.exit(1);
    },
  );
}
