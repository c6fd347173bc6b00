"""A controller of ipyparallel in memory, with the engines of machines."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred, fail, succeed

from sagecell_tx.hosts.parallel import protocol
from sagecell_tx.hosts.parallel.protocol import ConnectionFile
from sagecell_tx.wire.messages import originate
from sagecell_tx.wire.zmqwire import Signer, decode

_numbers = itertools.count()


def facts(name: str, **changes: object) -> dict[str, Any]:
    """The facts of the agent of the machine `name`, as its engine tells them."""
    return {
        "name": name,
        "host": "192.0.2.1",
        "port": 7001,
        "fingerprint": "ab" * 32,
        "protocol": 1,
        "version": "1.0",
        **changes,
    }


@define(eq=False)
class MemoryConnection:
    """The server's connection to a `MemoryController`, which may have died meanwhile."""

    controller: MemoryController
    received: Callable[[str, list[bytes]], None]
    closed: bool = False
    cut: bool = False  # its socket for mux, which nobody notices

    def send(self, channel: str, frames: list[bytes]) -> None:
        assert not self.closed
        if self.controller.alive and not (self.cut and channel == protocol.MUX):
            self.controller.take(self, channel, frames)

    def close(self) -> None:
        assert not self.closed
        self.closed = True


@define(eq=False)
class MemoryController:
    """A controller: the test registers engines, and kills it. Each answers at once.

    `content` by uuid is what an engine answers; None: nothing, as engines of other programs.
    """

    key: str = "a key"
    alive: bool = True
    engines: dict[str, Any] = field(factory=dict)
    asked: list[str] = field(factory=list)  # the uuids of engines that were asked
    requests: int = 0  # to the hub
    connections: list[MemoryConnection] = field(factory=list)
    wrong: Any = None  # what the hub replies instead

    @property
    def file(self) -> bytes:
        ports = {"registration": 1, "notification": 2, "mux": 3}
        packers = {"pack": "json", "unpack": "json", "signature_scheme": "hmac-sha256"}
        return json.dumps(
            {"interface": "tcp://127.0.0.1", "key": self.key, **ports, **packers}
        ).encode()

    @property
    def open(self) -> list[MemoryConnection]:
        return [each for each in self.connections if not each.closed]

    def take(self, connection: MemoryConnection, channel: str, frames: list[bytes]) -> None:
        uuid = frames.pop(0).decode() if channel == protocol.MUX else ""
        request = decode(channel, frames, Signer(self.key.encode()))
        if uuid:
            assert request.msg_type == protocol.FACTS_REQUEST
            self.asked.append(uuid)
            if self.engines.get(uuid) is not None:
                self.say(
                    protocol.MUX, protocol.FACTS_REPLY, self.engines[uuid], uuid, request.header
                )
            return
        self.requests += 1
        engines = {str(n): each for n, each in enumerate(self.engines)}
        content = self.wrong or {"status": "ok", "engines": engines}
        self.say(channel, protocol.CONNECTION_REPLY, content, parent_header=request.header)

    def say(
        self,
        channel: str,
        msg_type: str,
        content: dict[str, Any],
        uuid: str = "",
        parent_header: bytes = b"{}",
        key: str = "",
    ) -> None:
        """Send a message to all that are connected."""
        number = str(next(_numbers))
        message = originate(
            channel,
            msg_type,
            content,
            session="",
            msg_id=number,
            date="",
            parent_header=parent_header,
        )
        signer = Signer((key or self.key).encode())
        for connection in self.open:
            connection.received(channel, protocol.request(message, signer, uuid))

    def register(self, uuid: str, content: Any) -> None:
        """An engine registers, and the hub tells everybody."""
        self.engines[uuid] = content
        self.say(protocol.NOTIFICATION, protocol.REGISTERED, {"id": 0, "uuid": uuid})

    def unregister(self, uuid: str) -> None:
        """An engine is missing, and the hub tells everybody."""
        del self.engines[uuid]
        self.say(protocol.NOTIFICATION, protocol.UNREGISTERED, {"id": 0, "uuid": uuid})


@define(eq=False)
class Controllers:
    """Where the connection file is: that of the latest controller, or none."""

    latest: MemoryController | None = None
    content: bytes | None = None  # instead of the file of the latest
    reads: int = 0
    slow: Deferred[bytes] | None = None  # what the next reading waits for

    def start(self, key: str = "a key") -> MemoryController:
        """Start a controller in place of the one before."""
        self.latest = MemoryController(key)
        return self.latest

    def read(self) -> Deferred[bytes]:
        self.reads += 1
        if self.slow is not None:
            return self.slow
        if self.content is not None:
            return succeed(self.content)
        if self.latest is None:
            return fail(FileNotFoundError(2, "No such file or directory"))
        return succeed(self.latest.file)

    def connect(
        self, file: ConnectionFile, received: Callable[[str, list[bytes]], None]
    ) -> MemoryConnection:
        assert self.latest is not None
        connection = MemoryConnection(self.latest, received)
        self.latest.connections.append(connection)
        return connection
