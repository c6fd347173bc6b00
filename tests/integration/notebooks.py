"""A client of Jupyter's WebSockets, for one kernel."""

from __future__ import annotations

import json
from collections.abc import Iterator
from time import monotonic
from typing import Any
from urllib.request import Request, urlopen

import websocket

from sagecell_tx.wire import v1wire
from sagecell_tx.wire.messages import Message
from tests.http.jupyter.joining import execute, read_v1
from tests.integration.servers import Server

#: Seconds for which there may be no message.
PATIENCE = 180.0


class Notebook:
    """A client that speaks the subprotocol v1, and its kernel, of the kernelspec `name`."""

    def __init__(self, server: Server, name: str = "python3") -> None:
        self.server, self._count = server, 0
        self.model = self.call("POST", "/api/kernels", {"name": name})
        self.kernel_id = self.model["id"]
        url = server.url.replace("http", "ws", 1)
        self.socket = websocket.create_connection(
            f"{url}/api/kernels/{self.kernel_id}/channels?session_id=1",
            timeout=60,
            subprotocols=[v1wire.SUBPROTOCOL],
        )
        assert self.next()["content"] == {"execution_state": "idle"}

    def call(self, method: str, path: str, body: object = None) -> Any:
        """A request; its answer if that is JSON."""
        data = None if body is None else json.dumps(body).encode()
        request = Request(f"{self.server.url}{path}", data, method=method)
        with urlopen(request, timeout=60) as answer:
            return json.loads(answer.read() or b"null")

    def do(self, what: str) -> Any:
        """Interrupt or restart the kernel."""
        return self.call("POST", f"/api/kernels/{self.kernel_id}/{what}")

    def close(self) -> None:
        """Leave the kernel, and stop it."""
        self.socket.close()
        self.call("DELETE", f"/api/kernels/{self.kernel_id}")

    def next(self) -> dict[str, Any]:
        """The next message; fails if there is none for long, however many pings there are."""
        deadline = monotonic() + PATIENCE
        while True:
            opcode, data = self.socket.recv_data(control_frame=True)
            if opcode == websocket.ABNF.OPCODE_BINARY:
                return read_v1(data)
            assert opcode != websocket.ABNF.OPCODE_CLOSE, data
            assert monotonic() < deadline, f"nothing for {PATIENCE} s"

    def until_printed(self, text: str) -> None:
        """Wait until a program has printed this, in however many messages."""
        printed = ""
        while text not in printed:
            printed += self.next()["content"].get("text", "")

    def end(self) -> str:
        """The reason of the kernel's end, which comes by itself; then there is nothing to close."""
        while (content := self.next()["content"]).get("execution_state") != "dead":
            pass
        self.socket.close()
        reason: str = content["reason"]
        return reason

    def send(self, message: Message) -> None:
        """Send a message."""
        self.socket.send_binary(b"".join(v1wire.render(message)))

    def begin(self, code: str, **content: Any) -> str:
        """Send a program; returns the id of the request."""
        self._count += 1
        msg_id = f"r{self._count}"
        self.send(execute(code, msg_id, **content))
        return msg_id

    def results(self, msg_id: str) -> Iterator[dict[str, Any]]:
        """The messages about a request, the last status excluded."""
        while True:
            message = self.next()
            if message["parent_header"].get("msg_id") != msg_id:
                continue
            if message["content"].get("execution_state") == "idle":
                return
            yield message

    def run(self, code: str) -> Iterator[dict[str, Any]]:
        """What the kernel sends for a program, the last status excluded."""
        return self.results(self.begin(code))

    def text(self, code: str) -> str:
        """What a program prints."""
        return "".join(each["content"].get("text", "") for each in self.run(code))
