"""SockJS clients in memory, for the services of the public test suite or for a world's kernels."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from itertools import count
from typing import Any

from attrs import define, field
from twisted.internet.interfaces import IAddress
from twisted.test.iosim import FakeTransport, IOPump
from twisted.trial.unittest import SynchronousTestCase

from sagecell_tx.limits import Limits
from tests import sockjs_services
from tests.http.loopback import CLIENT, SERVER, Answer, Connection, Ear, Wire, request
from tests.http.talking import frames
from tests.http.world import DATE, Reactor, SiteTests

UPGRADE = [
    ("Upgrade", "websocket"),
    ("Connection", "Upgrade"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ("Sec-WebSocket-Version", "13"),
]


def chunks(heard: bytes) -> list[bytes]:
    """The chunks of a response that is still being sent; an empty one is its end."""
    head, _, rest = heard.partition(b"\r\n\r\n")
    assert b"chunked" in head, heard
    found = []
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        length = int(size, 16)
        assert rest[length : length + 2] == b"\r\n"
        found.append(rest[:length])
        rest = rest[length + 2 :]
    return found


def headers(heard: bytes) -> dict[str, str]:
    """A response's headers, in lower case."""
    lines = heard.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")[1:]
    return {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}


def texts(connection: Connection) -> list[str]:
    """The text messages on a WebSocket, put together from their frames."""
    found: list[bytes] = []
    for opcode, payload in frames(connection.ear.heard):
        if opcode == 1:
            found.append(payload)
        elif opcode == 0:
            found[-1] += payload
    return [payload.decode("utf-8") for payload in found]


def closes(connection: Connection) -> list[int]:
    """The codes of the close frames on a WebSocket."""
    return [
        int.from_bytes(payload[:2], "big")
        for opcode, payload in frames(connection.ear.heard)
        if opcode == 8
    ]


@define
class Stream:
    """A response that takes frames for a while."""

    connection: Connection = field(repr=False)

    @property
    def parts(self) -> list[bytes]:
        """What was received, piece by piece."""
        self.connection.pump()
        return chunks(self.connection.ear.heard)

    @property
    def headers(self) -> dict[str, str]:
        return headers(self.connection.ear.heard)

    @property
    def over(self) -> bool:
        return self.parts[-1:] == [b""]


class SockJSTests(SiteTests):
    """Tests that use SockJS with a site below `base`."""

    base = "/sockjs"

    def get(self, path: str, *more: tuple[str, str | bytes]) -> Answer:
        return self.ask("GET", f"{self.base}{path}", more)

    def post(self, path: str, body: bytes = b"", *more: tuple[str, str | bytes]) -> Answer:
        return self.ask("POST", f"{self.base}{path}", more, body)

    def poll(self, name: str) -> bytes:
        """The answer to one poll, which comes at once."""
        answer = self.post(f"/000/{name}/xhr")
        assert answer.status == 200
        return answer.body

    def say(self, name: str, *messages: str) -> None:
        answer = self.post(f"/000/{name}/xhr_send", json.dumps(messages).encode())
        assert (answer.status, answer.body) == (204, b"")

    def open_request(
        self, method: str, path: str, more: Iterable[tuple[str, str | bytes]] = ()
    ) -> Connection:
        """A request that is not answered at once, or not completely."""
        connection = self.world.connect()
        body = b"" if method == "POST" else None
        connection.send(request(method, f"{self.base}{path}", more, body))
        return connection

    def stream(self, name: str, transport: str = "xhr_streaming", query: str = "") -> Stream:
        method = "POST" if transport == "xhr_streaming" else "GET"
        return Stream(self.open_request(method, f"/000/{name}/{transport}{query}"))

    def socket(self, path: str = "/000/w/websocket") -> Connection:
        """A WebSocket, whose frames the test writes itself."""
        return self.open_request("GET", path, UPGRADE)


@define(kw_only=True)
class Services:
    """The public suite's services in memory."""

    limits: Limits
    clock: Reactor = field(factory=Reactor)
    site: Any = field(init=False)

    def __attrs_post_init__(self) -> None:
        numbers = count(1)
        root = sockjs_services.services(
            reactor=self.clock,
            limits=self.limits,
            now=lambda: DATE,
            entropy=lambda size: next(numbers).to_bytes(size, "big"),
        )
        self.site = sockjs_services.site(root, self.clock, self.limits)

    def connect(self, client: Ear | None = None, *, peer: IAddress = CLIENT) -> Connection:
        """An established connection from `peer`."""
        client = client or Ear()
        server = self.site.buildProtocol(peer)
        wire = Wire(server, isServer=True, hostAddress=SERVER, peerAddress=peer)
        far = FakeTransport(client, isServer=False, hostAddress=peer, peerAddress=SERVER)
        server.makeConnection(wire)
        client.makeConnection(far)
        line = IOPump(client, server, far, wire, False, clock=self.clock)
        return Connection(client=client, server=wire, line=line)


class ServiceTests(SockJSTests):
    """Tests of the services, without any kernel."""

    base = "/echo"
    limits = sockjs_services.LIMITS

    def setUp(self) -> None:
        SynchronousTestCase.setUp(self)
        self.world = Services(limits=self.limits)  # type: ignore[assignment]


def max_age(answer: Answer) -> int:
    """For how many seconds caches may keep an answer."""
    found = re.search(r"public, max-age=(\d+)", answer.headers["cache-control"])
    assert found is not None, answer.headers
    return int(found[1])
