"""Two servers of one machine in memory, with the UNIX sockets between them."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from attrs import define, field
from twisted.internet import error
from twisted.internet.address import UNIXAddress
from twisted.internet.interfaces import IProtocolFactory
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure
from twisted.test.iosim import IOPump
from typing_extensions import override

from sagecell_tx.assembly.nodes import siblings_and_forwarding
from sagecell_tx.config import Config
from sagecell_tx.http.jupyter.api import JupyterApi
from sagecell_tx.http.nodes.forwarding import Forwarding
from sagecell_tx.http.nodes.kernelids import numbered
from sagecell_tx.http.nodes.remotekernels import RemoteKernels
from sagecell_tx.http.nodes.siblings import Siblings
from sagecell_tx.http.serving.clients import Clients
from sagecell_tx.http.site import WebServer
from sagecell_tx.http.sockjs.multiplexer import KernelElsewhere
from sagecell_tx.http.urltree import Routes
from sagecell_tx.limits import Limits
from sagecell_tx.sessions.originator import Originator
from tests.http.loopback import Wire
from tests.http.world import DATE, Reactor, World

#: The API keys of all servers.
KEYS = {"school of/cells": "the-token-of-a-school"}


class UnixWire(Wire):
    """One end of a UNIX socket: what it does not read stays at the other end."""

    other: UnixWire

    @override
    def pauseProducing(self) -> None:
        super().pauseProducing()
        self.other.clogged = True

    @override
    def resumeProducing(self) -> None:
        super().resumeProducing()
        self.other.clogged = False


class Sockets(Reactor):
    """A reactor in memory whose UNIX sockets are connected to one another."""

    def __init__(self) -> None:
        super().__init__()
        self.listening: dict[str, IProtocolFactory] = {}
        self.crowded: set[str] = set()  # too many connections wait there to be accepted
        self.hanging: set[str] = set()  # nobody reads there
        self.lines: list[IOPump] = []

    def listenUNIX(self, address: str, factory: Any, *args: Any, **kw: Any) -> Any:  # noqa: N802
        self.listening[address] = factory
        Path(address).touch()
        return super().listenUNIX(address, factory, *args, **kw)

    def connectUNIX(self, address: str, factory: Any, *args: Any, **kw: Any) -> Any:  # noqa: N802
        listener = self.listening.get(address)
        if listener is None:
            factory.clientConnectionFailed(None, Failure(error.ConnectionRefusedError()))
            return None
        if address in self.crowded:  # as Linux and Twisted tell it
            factory.clientConnectionFailed(None, Failure(error.ConnectionDone()))
            return None
        client, server = (
            factory.buildProtocol(UNIXAddress(address)),
            Protocol() if address in self.hanging else listener.buildProtocol(UNIXAddress(None)),
        )
        near, far = UnixWire(client, isServer=False), UnixWire(server, isServer=True)
        near.other, far.other = far, near
        for wire in (near, far):
            wire.hostAddress = wire.peerAddress = UNIXAddress(address)
        self.lines.append(IOPump(client, server, near, far, False, clock=self))
        far.protocol.makeConnection(far)
        near.protocol.makeConnection(near)
        return None

    def move(self) -> bool:
        """Move what is on its way between servers; returns whether anything was."""
        moved = [bool(line.flush()) for line in self.lines]
        return any(moved)


class Node(World):
    """One of the servers."""

    web: WebServer
    others: RemoteKernels

    def elsewhere(
        self, kernel_id: str, address: str, on_message: Callable[[], None]
    ) -> KernelElsewhere | None:
        """See `RemoteKernels.open`."""
        return self.others.open(kernel_id, address, on_message)

    def routes(self, web: WebServer) -> list[Routes]:
        """Keep `web`, of which another site is made."""
        self.web = web
        return super().routes(web)


@define
class Machine:
    """The servers by their numbers, with a directory in common, and how often each was told to drain."""

    root: Path
    reactor: Sockets = field(factory=Sockets)
    nodes: dict[int, Node] = field(factory=dict)
    siblings: dict[int, Siblings] = field(factory=dict)
    forwarding: dict[int, Forwarding] = field(factory=dict)
    drained: list[tuple[int, bool]] = field(factory=list)

    def start(self, number: int, limits: Limits | None = None, workers: int = 1) -> Node:
        """Start a server, or one of several workers of one."""
        node = Node(
            limits=limits or Limits(),
            client=self.root,
            clock=self.reactor,
            clients=Clients(keys=KEYS),
        )
        new_id = partial(numbered, number, secrets.token_bytes)
        node.fleet.originator = Originator(new_id=new_id, now=lambda: DATE)
        node.fleet.startService()

        def drain(has_successor: bool) -> None:
            self.drained.append((number, has_successor))
            if node.fleet.draining is None:
                self.drain(number)

        config = Config(state_dir=self.root, node=number, web_processes=workers)
        siblings, forwarding = siblings_and_forwarding(
            config,
            self.reactor,
            node.web,
            node.served,
            node.fleet,
            drain,
            {"status": lambda: {"node": number}},
            lambda handle: handle == f"of-{number}",
        )
        for routes in node.served:
            if isinstance(routes, JupyterApi):
                routes.elsewhere = siblings.listed
        node.others = forwarding.kernels
        config.nodes.control(number).parent.mkdir(parents=True, exist_ok=True)
        siblings.startService()
        node.site = node.web.site(node.served, forwarding.resource)
        self.nodes[number], self.siblings[number] = node, siblings
        self.forwarding[number] = forwarding
        return node

    def drain(self, number: int) -> None:
        """Let a server admit nobody more."""
        self.nodes[number].fleet.drain()
        self.siblings[number].mark_draining()

    def hang(self, number: int) -> None:
        """Let a server answer nothing, though it accepts connections."""
        nodes = self.siblings[number].nodes
        self.reactor.hanging |= {str(nodes.control(number)), str(nodes.forward(number))}

    def go_on(self) -> None:
        """Let all answer again."""
        self.reactor.hanging.clear()

    def kill(self, number: int) -> None:
        """End a server without a word: its sockets stay, and nobody listens."""
        nodes = self.siblings[number].nodes
        for path in (nodes.control(number), nodes.forward(number)):
            del self.reactor.listening[str(path)]
