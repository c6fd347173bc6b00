"""Connections in memory: every byte between a client and the site is pumped by the test."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from http.client import HTTPResponse
from typing import Any, cast
from urllib.parse import urlencode

from attrs import define
from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import IAddress, IPushProducer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.test.iosim import FakeTransport, IOPump
from typing_extensions import override
from zope.interface import implementer

#: Bytes from which on a TCP transport of Twisted's asks its producer to wait.
BUFFER = 2**16

SERVER = IPv4Address("TCP", "127.0.0.1", 8888)
CLIENT = IPv4Address("TCP", "127.0.0.1", 40000)


@implementer(IPushProducer)
class Wire(FakeTransport):
    """A server's TCP transport. While `clogged`, the client at its other end reads nothing.

    `most` is the largest number of bytes that ever waited in it. While `held`, the server does not
    read; data that still reaches it counts as read before.
    """

    clogged = False
    held = False
    aborted = False
    most = 0
    _told_to_wait = False
    _closing = False

    @property  # type: ignore[override]
    def disconnecting(self) -> bool:
        """Close cleanly, after the data that waits to be read."""
        return self._closing and not (self.clogged and self.waiting)

    @disconnecting.setter
    def disconnecting(self, closing: bool) -> None:
        self._closing = closing

    @property
    def waiting(self) -> int:
        return sum(map(len, self.stream))

    @override
    def write(self, data: bytes) -> None:
        super().write(data)
        self.most = max(self.most, self.waiting)
        if self.producer is not None and self.streamingProducer and self.waiting > BUFFER:
            self._told_to_wait = True
            self.producer.pauseProducing()

    @override
    def getOutBuffer(self) -> bytes | None:
        if self.clogged:
            return None
        data = cast("bytes | None", super().getOutBuffer())
        if self._told_to_wait and self.producer is not None:
            self._told_to_wait = False
            self.producer.resumeProducing()
        return data

    @override
    def pauseProducing(self) -> None:
        self.held = True

    @override
    def resumeProducing(self) -> None:
        self.held = False

    @override
    def registerProducer(self, producer: Any, streaming: bool) -> None:
        assert self.producer is None, "a transport has one producer at a time"
        super().registerProducer(producer, streaming)

    @override
    def abortConnection(self) -> None:
        self.aborted = True
        self.break_off()
        super().abortConnection()

    @override
    def reportDisconnect(self) -> None:
        if self.producer is not None:
            self.producer.stopProducing()
            self.producer = None
        super().reportDisconnect()

    def break_off(self) -> None:
        """Nothing reaches the client any more."""
        self.stream = []
        self.clogged = self._told_to_wait = False


class Ear(Protocol):
    """A client that keeps what it receives."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self.lost = False

    @property
    def heard(self) -> bytes:
        return b"".join(self._parts)

    def forget(self) -> None:
        """Forget what was received so far."""
        self._parts.clear()

    @override
    def dataReceived(self, data: bytes) -> None:
        self._parts.append(data)

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.lost = True


class _Socket(io.BytesIO):
    def makefile(self, mode: str) -> io.BytesIO:
        return self


@define
class Answer:
    """One response. `body` is as it was sent, perhaps compressed."""

    status: int
    headers: dict[str, str]  # names in small letters
    body: bytes

    @property
    def json(self) -> Any:
        assert self.headers["content-type"] == "application/json", self
        return json.loads(self.body)

    @property
    def error(self) -> str:
        """The error code of a refusal, which must have a sentence as well."""
        refusal = self.json
        assert set(refusal) - {"reason"} == {"error", "message"}
        assert refusal["message"]
        return cast(str, refusal["error"])


def answers(heard: bytes, method: str = "GET") -> list[Answer]:
    """The responses in a stream of bytes."""
    stream, found = _Socket(heard), []
    while stream.tell() < len(heard):
        response = HTTPResponse(cast(Any, stream), method=method)
        response.begin()
        headers: dict[str, str] = {}
        for name, value in response.getheaders():
            before = headers.get(name.lower())
            headers[name.lower()] = value if before is None else f"{before}, {value}"
        # read() closes its file, which is also ours.
        response.fp = cast(Any, io.BufferedReader(cast(Any, _Shared(stream)), 1))
        body = response.read()
        found.append(Answer(response.status, headers, body))
    return found


class _Shared(io.RawIOBase):
    """A stream whose closing closes nothing."""

    def __init__(self, stream: io.BytesIO) -> None:
        self._stream = stream

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: Any) -> int:
        return self._stream.readinto(buffer)


@define(kw_only=True)
class Connection:
    """One client's connection to the site."""

    client: Protocol
    server: Wire
    line: IOPump

    def send(self, data: bytes) -> None:
        """Let the server receive `data`, and the client the answer to it."""
        assert self.client.transport is not None
        self.client.transport.write(data)
        self.pump()

    def pump(self) -> None:
        """Move bytes until none move any more."""
        self.line.flush()

    def hang_up(self) -> None:
        """Close the connection like a client that disconnects: what it has not read is lost."""
        assert self.client.transport is not None
        self.client.transport.loseConnection()
        self.server.break_off()
        self.pump()

    @property
    def ear(self) -> Ear:
        assert isinstance(self.client, Ear)
        return self.client

    def answer(self, method: str = "GET") -> Answer:
        """The one response that came."""
        (only,) = answers(self.ear.heard, method)
        return only


def connected(
    site: Any, clock: Clock, client: Protocol | None = None, *, peer: IAddress = CLIENT
) -> Connection:
    """An established connection from `peer` to a site; without a `client`, an `Ear` listens."""
    client = client or Ear()
    server = site.buildProtocol(peer)
    assert server is not None
    wire = Wire(server, isServer=True, hostAddress=SERVER, peerAddress=peer)
    far = FakeTransport(client, isServer=False, hostAddress=peer, peerAddress=SERVER)
    server.makeConnection(wire)
    client.makeConnection(far)
    line = IOPump(client, server, far, wire, False, clock=clock)
    return Connection(client=client, server=wire, line=line)


def request(
    method: str,
    path: str,
    headers: Iterable[tuple[str, str | bytes]] = (),
    body: bytes | None = None,
) -> bytes:
    """A request's bytes; a length goes with a body, and a Host unless `headers` has one."""
    lines = [f"{method} {path} HTTP/1.1".encode("latin-1")]
    given = dict(headers)
    if "Host" not in given:
        given = {"Host": "cells.example", **given}
    if body is not None and "Content-Length" not in given:
        given["Content-Length"] = str(len(body))
    for name, value in given.items():
        raw = value if isinstance(value, bytes) else value.encode("utf-8")
        lines.append(name.encode("ascii") + b": " + raw)
    return b"\r\n".join([*lines, b"", body or b""])


def form(**fields: str) -> dict[str, Any]:
    """A form's headers and body, for a request."""
    return {
        "headers": [("Content-Type", "application/x-www-form-urlencoded")],
        "body": urlencode(fields).encode("ascii"),
    }
