"""Jupyter clients of kernels in memory, which keep what they receive."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

from attrs import define, field
from autobahn.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol
from typing_extensions import override

from sagecell_tx.testing.hosts import MemoryKernel
from sagecell_tx.wire import binarywire, v1wire
from sagecell_tx.wire.messages import Message
from tests.http.loopback import Connection
from tests.http.talking import _Timers

from .asclient import JupyterTests

V1 = v1wire.SUBPROTOCOL


class Notebook(WebSocketClientProtocol):  # type: ignore[misc]
    """A client that keeps what it receives, as dictionaries with `buffers`."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[dict[str, Any]] = []
        self.binary: list[bool] = []
        self.pings: list[bytes] = []
        self.answers_pings = True
        self.closes: list[tuple[int | None, str]] = []
        self.chosen: str | None = None
        self.answer = b""  # to a request for an upgrade that was refused

    @override
    def dataReceived(self, data: bytes) -> None:
        if self.chosen is None:
            self.answer += data
        super().dataReceived(data)

    @override
    def onConnect(self, response: Any) -> None:
        self.chosen = response.protocol

    @override
    def onPing(self, payload: bytes) -> None:
        self.pings.append(payload)
        if self.answers_pings:
            self.sendPong(payload)

    @override
    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self.binary.append(isBinary)
        self.messages.append(
            read_v1(payload)
            if self.chosen == V1
            else read_binary(payload)
            if isBinary
            else json.loads(payload)
        )

    @override
    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        word = json.loads(reason)["error"] if reason and reason.startswith("{") else ""
        self.closes.append((code, word))


def read_v1(data: bytes) -> dict[str, Any]:
    """A message in the subprotocol v1."""
    count = int.from_bytes(data[:8], "little")
    ends = [int.from_bytes(data[8 * i : 8 * i + 8], "little") for i in range(1, count + 1)]
    channel, *parts = (data[a:b] for a, b in pairwise(ends))
    names = ("header", "parent_header", "metadata", "content")
    message = {name: json.loads(part) for name, part in zip(names, parts, strict=False)}
    return {**message, "channel": channel.decode(), "buffers": parts[4:]}


def read_binary(data: bytes) -> dict[str, Any]:
    """A message with buffers in the default protocol."""
    count = int.from_bytes(data[:4], "big")
    begins = [int.from_bytes(data[4 * i : 4 * i + 4], "big") for i in range(1, count + 1)]
    text, *buffers = (data[a:b] for a, b in zip(begins, [*begins[1:], len(data)], strict=True))
    return {**json.loads(text), "buffers": buffers}


def request(
    msg_type: str,
    msg_id: str = "r1",
    channel: str = "shell",
    buffers: tuple[bytes, ...] = (),
    header: dict[str, Any] | None = None,
    **content: Any,
) -> Message:
    """A message as JupyterLab sends it."""
    sent = {
        "date": "2026-01-02T03:04:05.678Z",
        "msg_id": msg_id,
        "msg_type": msg_type,
        "session": "s",
        "username": "",
        "version": "5.2",
        **(header or {}),
    }
    return Message(
        channel=channel,
        msg_id=msg_id,
        msg_type=msg_type,
        header=json.dumps(sent).encode(),
        content=json.dumps(content).encode(),
        buffers=buffers,
    )


def execute(code: str, msg_id: str = "r1", **content: Any) -> Message:
    """An execute_request."""
    return request("execute_request", msg_id, code=code, **content)


@define(kw_only=True)
class Joined:
    """A client's connection to a kernel."""

    notebook: Notebook
    connection: Connection = field(repr=False)

    def send(self, message: Message) -> None:
        """Send a message in the protocol that was chosen."""
        if self.notebook.chosen == V1:
            self.raw(b"".join(v1wire.render(message)))
        elif message.buffers:
            self.raw(b"".join(binarywire.render_binary(message)))
        else:
            self.raw(b"".join(binarywire.render_text(message)), binary=False)

    def raw(self, data: bytes, *, binary: bool = True) -> None:
        """Send these bytes."""
        self.notebook.sendMessage(data, isBinary=binary)
        self.connection.pump()

    def cut(self) -> None:
        """Cut the connection, without a closing handshake."""
        self.connection.hang_up()

    def leave(self, code: int | None = None) -> None:
        """Close with this code."""
        self.notebook.sendClose(code)
        self.connection.pump()

    def clear(self) -> None:
        """Forget what was received."""
        self.notebook.messages.clear()

    @property
    def messages(self) -> list[dict[str, Any]]:
        """All that has been sent."""
        self.connection.pump()
        return self.notebook.messages

    @property
    def told(self) -> list[str]:
        """The messages' types, with the state of each status and the text of each stream."""
        return [
            ":".join(
                [message["header"]["msg_type"]]
                + [
                    str(message["content"][key])
                    for key in ("execution_state", "text")
                    if key in message["content"]
                ]
            )
            for message in self.messages
        ]

    def heard(self, msg_type: str) -> list[dict[str, Any]]:
        """The messages of that type."""
        return [each for each in self.messages if each["header"]["msg_type"] == msg_type]


class ChannelTests(JupyterTests):
    """Tests with Jupyter clients."""

    def kernel_id(self) -> str:
        """Start a kernel; returns its id."""
        kernel_id: str = self.start()["id"]
        return kernel_id

    @property
    def kernel(self) -> MemoryKernel:
        """The latest kernel."""
        return self.world.host.latest

    def join(
        self,
        kernel_id: str,
        session_id: str = "s",
        protocols: tuple[str, ...] = (V1,),
        query: str = "",
        *,
        pumps: bool = True,
    ) -> Joined:
        """Connect a client, which gets nothing yet unless it `pumps`."""
        path = f"/api/kernels/{kernel_id}/channels?session_id={session_id}{query}"
        factory = WebSocketClientFactory(
            f"ws://cells.example{path}", protocols=list(protocols), reactor=self.world.clock
        )
        factory._batched_timer = _Timers(self.world.clock)
        factory.setProtocolOptions(serverConnectionDropTimeout=0)
        notebook = Notebook()
        notebook.factory = factory
        connection = self.world.connect(notebook)
        joined = Joined(notebook=notebook, connection=connection)
        if pumps:
            connection.pump()
        return joined
