"""WebSocket clients for a site in memory: Autobahn's own, and one that writes raw frames."""

from __future__ import annotations

import json
import struct
from typing import Any

from attrs import define, field
from autobahn.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol
from twisted.internet.testing import MemoryReactorClock
from typing_extensions import override

from sagecell_tx.limits import Limits, MessageLimits

from .loopback import Connection, form, request
from .world import SiteTests

#: The keys of a message to a client (contract 2.2).
KEYS = {"header", "msg_id", "msg_type", "parent_header", "metadata", "content", "channel"}

#: Many lines of white space.
LINES = b"\r\n" * 100_000

_MASK = b"\x37\xfa\x21\x3d"


class Whole(bytes):
    """Bytes that are only read, joined and cut up: any other work of that length would take too long."""

    @override
    def replace(self, *_: object) -> bytes:
        raise AssertionError("replaced as a whole")

    @override
    def translate(self, *_: object, **__: object) -> bytes:
        raise AssertionError("translated as a whole")


class Talker(WebSocketClientProtocol):  # type: ignore[misc]
    """Keeps what it receives. `closes` has the close codes and error codes of the server."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[dict[str, Any]] = []
        self.texts: list[bytes] = []
        self.lengths: list[int] = []  # of the frames of messages
        self.closes: list[tuple[int, str]] = []

    @override
    def onMessageFrameBegin(self, length: int) -> None:
        self.lengths.append(length)
        super().onMessageFrameBegin(length)

    @override
    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        assert not isBinary
        self.texts.append(payload)
        self.messages.append(json.loads(payload))

    @override
    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        if code is not None and reason and reason.startswith("{"):
            assert len(reason.encode("utf-8")) <= 123
            told = json.loads(reason)
            assert set(told) == {"error", "message"}
            self.closes.append((code, told["error"]))

    def heard(self, msg_type: str) -> list[dict[str, Any]]:
        """The messages of that type."""
        return [message for message in self.messages if message["msg_type"] == msg_type]

    @property
    def kinds(self) -> list[str]:
        return [message["msg_type"] for message in self.messages]

    @property
    def text(self) -> str:
        """Everything on streams."""
        return "".join(message["content"]["text"] for message in self.heard("stream"))


class _Timers:
    """Autobahn would set its timers with the global reactor."""

    def __init__(self, clock: MemoryReactorClock) -> None:
        self.call_later = clock.callLater


def execute(code: str, msg_id: str = "m1", **fields: Any) -> bytes:
    """An execute_request as the official client sends it."""
    return say(
        {
            "header": {"msg_id": msg_id, "session": "s", "msg_type": "execute_request"},
            "content": {"code": code, "silent": False, "allow_stdin": False},
            "channel": "shell",
            **fields,
        }
    )


def say(message: object) -> bytes:
    return json.dumps(message).encode("utf-8")


def frame(opcode: int, payload: bytes, *, last: bool = True, masked: bool = True) -> bytes:
    """A client's frame."""
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", opcode | 128 * last, size | 128 * masked)
    elif size < 2**16:
        head = struct.pack("!BBH", opcode | 128 * last, 126 | 128 * masked, size)
    else:
        head = struct.pack("!BBQ", opcode | 128 * last, 127 | 128 * masked, size)
    if not masked:
        return head + payload
    mask = (_MASK * (size // 4 + 1))[:size]
    return head + _MASK + bytes(a ^ b for a, b in zip(payload, mask, strict=True))


def frames(heard: bytes) -> list[tuple[int, bytes]]:
    """Opcode and payload of a server's frames, the handshake's answer skipped."""
    found, rest = [], heard.partition(b"\r\n\r\n")[2]
    while rest:
        assert rest[0] & 0x70 == 0
        opcode, size, start = rest[0] & 15, rest[1], 2
        if size == 126:
            size, start = struct.unpack("!H", rest[2:4])[0], 4
        elif size == 127:
            size, start = struct.unpack("!Q", rest[2:10])[0], 10
        found.append((opcode, rest[start : start + size]))
        rest = rest[start + size :]
    return found


@define(kw_only=True)
class Talk:
    """The test's connection to a kernel."""

    talker: Talker
    connection: Connection = field(repr=False)

    def say(self, text: bytes, *, binary: bool = False) -> None:
        self.talker.sendMessage(text, isBinary=binary)
        self.connection.pump()


class TalkTests(SiteTests):
    """Tests that connect to kernels."""

    limits = Limits(messages=MessageLimits(client_message_bytes=100_000))

    def start(self, **fields: str) -> str:
        """Start a kernel; returns its id."""
        kernel_id: str = self.ask("POST", "/kernel", **form(**fields)).json["id"]
        return kernel_id

    def talk(self, kernel_id: str, query: str = "") -> Talk:
        """Connect Autobahn's client."""
        url = f"ws://cells.example/kernel/{kernel_id}/channels{query}"
        factory = WebSocketClientFactory(url, reactor=self.world.clock)
        factory._batched_timer = _Timers(self.world.clock)
        factory.setProtocolOptions(serverConnectionDropTimeout=0)
        talker = Talker()
        talker.factory = factory
        connection = self.world.connect(talker)
        connection.pump()
        return Talk(talker=talker, connection=connection)

    def knock(self, kernel_id: str, **headers: str) -> Connection:
        """Connect with raw bytes: only the upgrade is requested, and the test writes the frames."""
        connection = self.world.connect()
        connection.send(upgrade(kernel_id, **headers))
        return connection


def upgrade(kernel_id: str, **headers: str) -> bytes:
    """The request for an upgrade."""
    given = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version": "13",
    }
    for name, value in headers.items():
        given[name.replace("_", "-")] = value
    return request("GET", f"/kernel/{kernel_id}/channels", given.items())
