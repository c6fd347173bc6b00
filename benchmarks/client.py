"""Clients, the same for all peers of a kind, so that they cost each peer the same.

A `Talk` is one client attached to one kernel. `WebSocketTalk` is for the web servers,
`ZmqTalk` for the peers without one.
"""

from __future__ import annotations

import http.client
import json
import socket
import struct
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import accumulate, pairwise
from typing import Any, ClassVar, Protocol
from urllib.parse import urlsplit

import websocket
import zmq
from attrs import define, field
from jupyter_client.blocking.client import BlockingKernelClient
from typing_extensions import override

#: How long a client waits for the next message, in seconds.
PATIENCE = 60

#: A Jupyter message: header, parent_header, metadata, content.
Message = dict[str, Any]

_PARTS = ("header", "parent_header", "metadata", "content")


class Unexpected(Exception):
    """A peer did not do what was requested; the text says what it did instead."""


class Talk(Protocol):
    """One client attached to one kernel."""

    def send(self, code: str) -> str:
        """Send an execute_request; returns its msg_id."""

    def receive(self) -> Message:
        """The kernel's next message; raises an error after `PATIENCE`."""

    def close(self) -> None:
        """Disconnect and end the kernel."""


def ask(talk: Talk, code: str) -> Iterator[Message]:
    """Run a cell; yields its messages, up to both its reply and `status: idle`."""
    request = talk.send(code)
    replied = idle = False
    while not (replied and idle):
        message = talk.receive()
        if message["parent_header"].get("msg_id") != request:
            continue
        msg_type, content = message["header"]["msg_type"], message["content"]
        if msg_type == "execute_reply":
            replied = True
            if content["status"] != "ok":
                raise Unexpected(f"{content.get('ename')}: {content.get('evalue')}")
        elif msg_type == "status":
            idle = content["execution_state"] == "idle"
        yield message


def add(talk: Talk) -> None:
    """Run the cell `1+1`."""
    results = [
        message["content"]["data"]["text/plain"]
        for message in ask(talk, "1+1")
        if message["header"]["msg_type"] == "execute_result"
    ]
    if results != ["2"]:
        raise Unexpected(f"1+1 gave {results}")


def shown(talk: Talk, count: int) -> None:
    """Run a cell that displays `count` numbers; raises `Unexpected` if not all arrive in order."""
    cell = f"from IPython.display import display\nfor i in range({count}): display(i)"
    came = [
        message["content"]["data"]["text/plain"]
        for message in ask(talk, cell)
        if message["header"]["msg_type"] == "display_data"
    ]
    if came != [str(number) for number in range(count)]:
        raise Unexpected(f"of {count} displays, {len(came)} arrived, or not in order")


def execute_request(code: str) -> dict[str, Any]:
    """The content of a request to run `code`."""
    return {
        "code": code,
        "silent": False,
        "store_history": True,
        "user_expressions": {},
        "allow_stdin": False,
        "stop_on_error": True,
    }


def call(
    method: str, url: str, headers: dict[str, str] | None = None, body: bytes | None = None
) -> Any:
    """One HTTP request on a new connection; returns the JSON of the answer, or None."""
    answer = fetch(method, url, headers, body)
    return json.loads(answer) if answer else None


def fetch(
    method: str, url: str, headers: dict[str, str] | None = None, body: bytes | None = None
) -> bytes:
    """One HTTP request on a new connection; returns the body of the answer."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.netloc, timeout=PATIENCE)
    try:
        connection.connect()
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        target = f"{address.path}?{address.query}" if address.query else address.path
        connection.request(method, target, body=body, headers=headers or {})
        response = connection.getresponse()
        answer = response.read()
    finally:
        connection.close()
    if response.status >= 300:
        raise Unexpected(f"{method} {address.path}: {response.status} {answer[:200]!r}")
    return answer


@define(eq=False)
class WebSocketTalk:
    """Jupyter messages as JSON text over a WebSocket with TCP_NODELAY.

    `quick_ack` acknowledges each packet at once: a server that leaves Nagle's algorithm on
    otherwise waits for the client's delayed ACK, about 40 ms, between two small messages.
    """

    url: str
    end: Callable[[], object]
    headers: dict[str, str] = field(factory=dict)
    quick_ack: bool = False
    subprotocols: ClassVar[Sequence[str]] = ()
    _socket: Any = field(init=False)
    _session: str = field(init=False, factory=lambda: uuid.uuid4().hex)

    def __attrs_post_init__(self) -> None:
        self._socket = websocket.create_connection(
            self.url,
            timeout=PATIENCE,
            header=self.headers,
            subprotocols=self.subprotocols,
            sockopt=((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),),
            skip_utf8_validation=True,
            enable_multithread=False,
        )

    def send(self, code: str) -> str:
        msg_id = uuid.uuid4().hex
        header = {
            "msg_id": msg_id,
            "msg_type": "execute_request",
            "session": self._session,
            "username": "",
            "date": "2026-01-01T00:00:00Z",
            "version": "5.3",
        }
        message = {
            "header": header,
            "parent_header": {},
            "metadata": {},
            "content": execute_request(code),
        }
        self._send("shell", message)
        return msg_id

    def receive(self) -> Message:
        if self.quick_ack:  # Linux resets the option by itself
            self._socket.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        deadline = time.monotonic() + PATIENCE
        while True:
            # With control frames: a server's pings would let the socket's own timeout never pass.
            opcode, frame = self._socket.recv_data(control_frame=True)
            if opcode == websocket.ABNF.OPCODE_CLOSE:
                raise Unexpected(f"the server closed the socket: {frame!r}")
            if opcode in (websocket.ABNF.OPCODE_TEXT, websocket.ABNF.OPCODE_BINARY):
                return self._read(frame)
            if time.monotonic() > deadline:
                raise TimeoutError(f"no message for {PATIENCE} s")

    def _send(self, channel: str, message: Message) -> None:
        self._socket.send(json.dumps({**message, "channel": channel, "buffers": []}))

    def _read(self, frame: bytes) -> Message:
        message: Message = json.loads(frame)
        return message

    def fileno(self) -> int:
        """The descriptor of the socket, for a selector; -1 when it is closed."""
        descriptor: int = self._socket.fileno()
        return descriptor

    def attend(self) -> bool:
        """Read one frame and throw it away, but answer a ping; returns whether the connection goes on."""
        try:
            opcode, _ = self._socket.recv_data(control_frame=True)
        except (OSError, websocket.WebSocketException):
            return False
        return bool(opcode != websocket.ABNF.OPCODE_CLOSE)

    def ping(self) -> None:
        """Send a ping, and wait for its answer."""
        payload = uuid.uuid4().hex
        self._socket.ping(payload)
        while self._socket.recv_data(control_frame=True) != (
            websocket.ABNF.OPCODE_PONG,
            payload.encode("ascii"),
        ):
            pass

    def leave(self) -> None:
        """Disconnect; the kernel continues."""
        with suppress(OSError, websocket.WebSocketException):
            self._socket.close(timeout=1)

    def close(self) -> None:
        self.leave()
        self.end()


@define(eq=False)
class BinaryTalk(WebSocketTalk):
    """The same in binary frames: the subprotocol ``v1.kernel.websocket.jupyter.org``.

    A frame is the number of offsets and the offsets, as 64-bit little-endian integers, and then
    the parts: the channel's name and the message's header, parent_header, metadata, content and
    buffers. Source: Jupyter Server's documentation, "WebSocket kernel wire protocols".
    """

    subprotocols: ClassVar[Sequence[str]] = ("v1.kernel.websocket.jupyter.org",)

    @override
    def _send(self, channel: str, message: Message) -> None:
        parts = [channel.encode(), *(json.dumps(message[name]).encode() for name in _PARTS)]
        count = len(parts) + 1
        offsets = accumulate(map(len, parts), initial=8 * (count + 1))
        self._socket.send_binary(struct.pack(f"<{count + 1}Q", count, *offsets) + b"".join(parts))

    @override
    def _read(self, frame: bytes) -> Message:
        (count,) = struct.unpack_from("<Q", frame)
        offsets = struct.unpack_from(f"<{count}Q", frame, 8)
        parts = [frame[start:end] for start, end in pairwise(offsets)]
        return {name: json.loads(part) for name, part in zip(_PARTS, parts[1:], strict=False)}


@define(eq=False)
class ZmqTalk:
    """jupyter_client's own client on a kernel's own sockets."""

    client: BlockingKernelClient
    end: Callable[[], object]
    _poller: zmq.Poller = field(init=False, factory=zmq.Poller)

    def __attrs_post_init__(self) -> None:
        self.client.start_channels(stdin=False, hb=False)
        # If another kernel has taken the port, nobody reads what is sent.
        self.client.shell_channel.socket.setsockopt(zmq.SNDTIMEO, PATIENCE * 1000)
        self._poller.register(self.client.iopub_channel.socket, zmq.POLLIN)
        self._poller.register(self.client.shell_channel.socket, zmq.POLLIN)
        self._prove()

    def _prove(self) -> None:
        """Request kernel_info until iopub delivers a message, so that no later one is missed."""
        deadline = time.monotonic() + PATIENCE
        replied = heard = False
        while not (replied and heard):
            if time.monotonic() > deadline:
                raise TimeoutError("the kernel does not answer")
            self.client.kernel_info()
            while self._poller.poll(200):
                # On a busy machine it may be the reply to the previous request.
                msg_type = self.receive()["header"]["msg_type"]
                replied = replied or msg_type == "kernel_info_reply"
                heard = heard or msg_type in ("status", "iopub_welcome")
                if replied and heard:
                    break

    def send(self, code: str) -> str:
        msg_id: str = self.client.execute(code, allow_stdin=False)
        return msg_id

    def receive(self) -> Message:
        session = self.client.session
        while True:
            for channel in (self.client.iopub_channel, self.client.shell_channel):
                message: Message | None
                _, message = session.recv(channel.socket, zmq.NOBLOCK)
                if message is not None:
                    return message
            if not self._poller.poll(PATIENCE * 1000):
                raise TimeoutError(f"no message for {PATIENCE} s")

    def close(self) -> None:
        self.client.stop_channels()
        self.end()
