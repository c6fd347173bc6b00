"""A deployment that allows hosts, in memory: tests control names, connections and the port."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Sequence
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure

from sagecell_tx.hosts.network.allowlist import AllowList
from sagecell_tx.hosts.network.egress import Network, Outlet
from sagecell_tx.hosts.network.forwardproxy import ForwardProxy
from sagecell_tx.limits import NetworkLimits

PUBLIC = "203.0.113.5"
OTHER = "2001:db8::5"
PRIVATE = "10.0.0.1"

GONE = Failure(ConnectionError("gone"))


@define(eq=False)
class MemoryPort:
    """A listening port that records whether it is paused."""

    descriptor: int
    paused: bool = False
    stopped: bool = False

    def pauseProducing(self) -> None:  # noqa: N802
        self.paused = True

    def resumeProducing(self) -> None:  # noqa: N802
        self.paused = False

    def stopListening(self) -> Deferred[None]:  # noqa: N802
        self.stopped = True
        return succeed(None)


class NetworkReactor(MemoryReactorClock):
    """A reactor in memory whose ports can be paused."""

    def __init__(self) -> None:
        super().__init__()
        self.ports: list[MemoryPort] = []
        self.exhausted = False

    def adoptStreamPort(self, fileno, addressFamily, factory):  # noqa: N802, N803
        if self.exhausted:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        self.ports.append(MemoryPort(fileno))
        return self.ports[-1]


@define(eq=False)
class MemoryNames:
    """A resolver of the test's names; `slow` ones are found when the test says so."""

    known: dict[str, list[str]] = field(factory=dict)
    slow: dict[str, Deferred[list[str]]] = field(factory=dict)
    asked: list[str] = field(factory=list)
    running: bool = False

    def start(self) -> None:
        self.running = True

    def stop(self) -> None:
        self.running = False

    def addresses(self, host: str) -> Deferred[list[str]]:
        self.asked.append(host)
        if host in self.slow:
            return self.slow[host]
        if host in self.known:
            return succeed(self.known[host])
        return fail(OSError(-2, "Name or service not known"))


class Pipe(StringTransport):
    """A transport that records its calls; the test says when the connection is lost."""

    aborting = False

    def abortConnection(self) -> None:  # noqa: N802
        self.aborting = True

    @property
    def said(self) -> bytes:
        return bytes(self.value())


@define(eq=False)
class World:
    """An outlet without a kernel, and everything around it."""

    limits: NetworkLimits = field(factory=NetworkLimits)
    hosts: tuple[str, ...] = ("allowed.example", "*.wide.example")
    reactor: Any = field(factory=NetworkReactor)
    names: MemoryNames = field(factory=MemoryNames)
    network: Network = field(init=False)
    outlet: Outlet = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.names.known["allowed.example"] = [PUBLIC]
        self.network = Network(
            reactor=self.reactor,
            allowed=AllowList.of(self.hosts, (80, 443)),
            limits=self.limits,
            resolver=self.names,
            is_public=lambda address: address in (PUBLIC, OTHER),
        )
        self.outlet = Outlet(network=self.network, whose=lambda: "her-session", receiver=None)

    def connect(self) -> Near:
        """A new connection of the kernel's."""
        near = Near(self.outlet.buildProtocol(None))
        near.proxy.makeConnection(near.pipe)
        return near

    def ask(self, target: str = "allowed.example:443") -> Near:
        """A new connection that asks for a tunnel."""
        near = self.connect()
        near.send(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode())
        return near

    def attempts(self) -> list[tuple[str, int]]:
        """The addresses and ports of all connection attempts."""
        return [(host, port) for host, port, *_ in self.reactor.tcpClients]

    def answer(self, which: int = -1) -> Far:
        """Let a connection succeed."""
        factory = self.reactor.tcpClients[which][2]
        far = Far(factory.buildProtocol(None))
        far.protocol.makeConnection(far.pipe)
        return far

    def fail(self, error: Exception) -> None:
        """Let the latest one fail."""
        factory, connector = self.reactor.tcpClients[-1][2], self.reactor.connectors[-1]
        factory.clientConnectionFailed(connector, Failure(error))

    def quiet(self) -> bool:
        """Whether no timer is running."""
        return not any(call.active() for call in self.reactor.getDelayedCalls())


@define(eq=False)
class Near:
    """The kernel's end of a connection."""

    proxy: Any  # a ForwardProxy
    pipe: Pipe = field(factory=Pipe)

    def __attrs_post_init__(self) -> None:
        assert isinstance(self.proxy, ForwardProxy)

    def send(self, data: bytes) -> None:
        self.proxy.dataReceived(data)

    def lose(self) -> None:
        self.proxy.connectionLost(GONE)

    @property
    def status(self) -> int:
        """Of the answer."""
        return int(self.pipe.said.split()[1])

    @property
    def sentence(self) -> str:
        """The body of a refusal."""
        return self.pipe.said.partition(b"\r\n\r\n")[2].decode().strip()


@define(eq=False)
class Far:
    """The end that a host has."""

    protocol: Any
    pipe: Pipe = field(factory=Pipe)

    def send(self, data: bytes) -> None:
        self.protocol.dataReceived(data)

    def lose(self) -> None:
        self.protocol.connectionLost(GONE)


def logged(events: Sequence[Any], render: Callable[[Any], str | None]) -> list[str]:
    """The lines about the network among log events."""
    lines = [render(event) or "" for event in events]
    return [line for line in lines if ": network: " in line]
