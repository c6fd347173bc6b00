// Imitates an existing note-taking program: each block of a note is run by the note's kernel, and
// its output shown below it. The real sockjs-client in Node.

const [modules, url, blocks] = process.argv.slice(2);
const SockJS = require(require.resolve("sockjs-client", { paths: [modules] }));

/** Characters that it strips from each message unchecked: a kernel's id and "/channels,". */
const PREFIX = 46;

async function show() {
  const query = new URLSearchParams({ CellSessionID: "9d5e1c0e-notes", timeout: "inf" });
  const answer = await fetch(`${url}/kernel?${query}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: "{}",
  });
  const { id } = await answer.json();
  const socket = new SockJS(`${url}/sockjs?CellSessionID=9d5e1c0e-notes`);
  const programs = JSON.parse(blocks);
  const notes = programs.map(() => []);
  let i = -1;

  return new Promise((resolve) => {
    function next() {
      i += 1;
      if (i === programs.length) {
        socket.close();
        return;
      }
      const header = {
        msg_id: `note-${i}`,
        username: "",
        session: "s",
        msg_type: "execute_request",
      };
      const content = {
        code: programs[i],
        silent: false,
        user_expressions: {},
        allow_stdin: false,
      };
      const message = { header, parent_header: {}, metadata: {}, content, channel: "shell" };
      socket.send(`${id}/channels,${JSON.stringify(message)}`);
    }

    socket.onopen = next;
    socket.onmessage = ({ data }) => {
      const { msg_type, content, parent_header } = JSON.parse(data.substring(PREFIX));
      if (parent_header.msg_id !== `note-${i}`) return;
      const note = notes[i];
      if (msg_type === "stream") note.push(["text", content.text]);
      if (msg_type === "error") note.push(["error", `${content.ename}: ${content.evalue}`]);
      const picture = content.data?.["text/image-filename"];
      if (picture) note.push(["picture", `${url}/kernel/${id}/files/${picture}`]);
      else if (content.data?.["text/html"]) note.push(["html", content.data["text/html"]]);
      if (content.execution_state === "idle") next();
    };
    socket.onclose = () => resolve(notes);
  });
}

show().then((notes) => process.stdout.write(JSON.stringify(notes), () => process.exit(0)));
