"""A network in memory between visitors and the whole web process, and visits over it."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

from attrs import define, field
from treq.client import HTTPClient
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectionRefusedError as Refused
from twisted.internet.interfaces import IProtocol, IProtocolFactory, IStreamClientEndpoint
from twisted.web.client import URI, Agent, HTTPConnectionPool
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

from sagecell_tx.remote.load.kept import Kept
from sagecell_tx.remote.load.programs import Make
from sagecell_tx.remote.load.requests import Requests
from sagecell_tx.remote.load.results import Results
from sagecell_tx.remote.load.visits import Visits
from sagecell_tx.remote.uncompressed import Uncompressed
from tests.http.loopback import Connection
from tests.http.world import SiteTests, World

SERVER = "http://cells.example"


@implementer(IStreamClientEndpoint, IAgentEndpointFactory)
@define(eq=False)
class Network:
    """Connects clients to a world. While `is_down`, nobody is connected."""

    world: World = field(repr=False)
    connections: list[Connection] = field(factory=list, repr=False)
    is_down: bool = False

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:  # noqa: N802
        return self

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:  # noqa: N803
        if self.is_down:
            return fail(Refused())
        client: Any = protocolFactory.buildProtocol(None)  # type: ignore[arg-type]
        self.connections.append(self.world.connect(client))
        return succeed(client)

    def flush(self) -> None:
        """Move bytes until none move any more."""
        moved = True
        while moved:
            moved = False
            for connection in self.connections:
                moved = connection.line.pump() or moved
        self.connections = [each for each in self.connections if not each.server.disconnected]


class VisitTests(SiteTests):
    """Tests of visits. `server` is the address that visitors use."""

    def setUp(self) -> None:
        super().setUp()
        self.network = Network(self.world)
        clock: Any = self.world.clock
        pool = HTTPConnectionPool(clock, persistent=False)
        agent = Agent.usingEndpointFactory(clock, self.network, pool=pool)
        self.http = HTTPClient(Uncompressed(agent))
        self.results = Results()
        self.requests = Requests(http=self.http, server=SERVER)
        self.kept = Kept(requests=self.requests, clock=clock, results=self.results)

    def visits(
        self, programs: Mapping[str, tuple[int, Make]], *transports: str, seed: int = 1
    ) -> Visits:
        clock: Any = self.world.clock
        return Visits(
            reactor=clock,
            clock=clock,
            http=self.http,
            server=SERVER,
            connect=lambda _: self.network,
            random=Random(seed),
            results=self.results,
            kept=self.kept,
            transports=transports,
            programs=programs,
        )

    def finish(self, work: Any) -> None:
        """Let some work be done; time passes only as far as it has to."""
        done = Deferred.fromCoroutine(work)
        for _ in range(200):
            self.network.flush()
            if done.called:
                break
            self.world.clock.advance(0.5)
        self.successResultOf(done)
        self.network.flush()
