// The real sockjs-client records all messages until its connection is cut. In Node or in a
// browser.

/** An empty record: the programs' messages as one text, the close codes, later messages. */
function blank() {
  return { text: "", closes: [], after: "" };
}

/**
 * Fills in the record `told` until the connection is over.
 *
 * The kernel is requested from `server`; the conversation uses `way`, the URL of a relay.
 * `open` makes the connection.
 */
function listen(open, server, way, programs, told) {
  return new Promise((resolve, reject) => {
    let prefix = "";
    let run = -1;
    const socket = open(way);

    function next() {
      run += 1;
      const header = { msg_id: `m${run}`, msg_type: "execute_request", session: "cut" };
      const content = { code: programs[run], silent: false, allow_stdin: false };
      socket.send(prefix + JSON.stringify({ header, content, channel: "shell" }));
    }

    socket.onopen = async () => {
      const form = new URLSearchParams({ timeout: "inf" });
      const asked = fetch(`${server}/kernel`, { method: "POST", body: form });
      const answer = await asked.then((response) => response.json()).catch(() => null);
      prefix = `${answer?.id}/channels,`;
      if (answer && socket.readyState === 1) next();
    };
    socket.onmessage = ({ data }) => {
      if (!data.startsWith(prefix)) reject(new Error(`unexpected: ${data.slice(0, 100)}`));
      const { msg_type, content, parent_header } = JSON.parse(data.slice(prefix.length));
      if (told.closes.length > 0) told.after += msg_type;
      if (parent_header.msg_id === undefined) return; // the status "starting"
      if (parent_header.msg_id !== `m${run}`) told.text += `[${msg_type} of another]`;
      else if (msg_type === "stream") told.text += content.text;
      else {
        const state = content.execution_state ?? content.status ?? content.ename ?? "";
        told.text += `[${msg_type} ${content.data?.["text/plain"] ?? state}]`;
      }
      if (content.execution_state === "idle") next();
    };
    socket.onerror = () => {}; // a close follows
    socket.onclose = ({ code }) => {
      told.closes.push(code);
      // Nothing may arrive after it, not even another close.
      setTimeout(() => resolve(told), 300);
    };
  });
}

/** Makes connections by one of sockjs-client's transports. */
function by(SockJS, transport) {
  return (way) =>
    new SockJS(`${way}/sockjs?CellSessionID=cut`, null, { transports: [transport], timeout: 8000 });
}

if (typeof module === "object" && require.main === module) {
  const [modules, transport, server, ways, programs] = process.argv.slice(2);
  const load = (name) => require(require.resolve(name, { paths: [modules] }));
  const open =
    transport === "raw"
      ? (way) =>
          new (load("faye-websocket").Client)(`${way.replace("http", "ws")}/sockjs/websocket`)
      : by(load("sockjs-client"), transport);
  const all = JSON.parse(ways).map((way) =>
    listen(open, server, way, JSON.parse(programs), blank()),
  );
  Promise.all(all).then(
    (told) => process.stdout.write(JSON.stringify(told), () => process.exit(0)),
    (error) => {
      console.error(error);
      process.exit(1);
    },
  );
}
