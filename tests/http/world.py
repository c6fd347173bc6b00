"""The whole web process in memory, and the base of tests that use it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Sequence
from itertools import count
from pathlib import Path

from attrs import define, field
from twisted.internet.interfaces import IAddress, IDelayedCall
from twisted.internet.protocol import Protocol
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.server import Site
from typing_extensions import override

from sagecell_tx.http.admin.health import DRAINING, Health, Readiness
from sagecell_tx.http.admin.status import Status
from sagecell_tx.http.cells.terms import Terms
from sagecell_tx.http.connections.limits import ConnectionLimits
from sagecell_tx.http.jupyter.kernelspecs import OfferedSpec
from sagecell_tx.http.routes import jupyter_routes, kernel_routes, page_routes
from sagecell_tx.http.serving.clients import Clients
from sagecell_tx.http.serving.parsing import Parser
from sagecell_tx.http.site import WebServer
from sagecell_tx.http.sockjs.multiplexer import KernelElsewhere
from sagecell_tx.http.urltree import Routes
from sagecell_tx.limits import Limits
from sagecell_tx.sessions.admission.starts import Starts
from sagecell_tx.sessions.fleet.fleet import Fleet
from sagecell_tx.sessions.fleet.kernelcheck import KernelCheck
from sagecell_tx.sessions.interfaces import FileStore, RunPermalinkStore
from sagecell_tx.sessions.originator import Originator
from sagecell_tx.sessions.spec import PYTHON
from sagecell_tx.testing.hosts import MemoryHost
from sagecell_tx.testing.stores import MemoryCellStore, MemoryFileStore, MemoryRunPermalinkStore

from .loopback import CLIENT, Answer, Connection, connected, request

DATE = "2026-01-01T00:00:00+00:00"


@define(kw_only=True)
class World:
    """The whole web process in memory."""

    limits: Limits
    client: Path
    kernel_python: Path | None = None
    clients: Clients = field(factory=Clients)
    connection_limits: ConnectionLimits = field(factory=ConnectionLimits)
    host: MemoryHost = field(
        factory=lambda: MemoryHost(
            answering=True,
            languages=("python",),
            versions={"python": "3"},
            features=("landlock",),
            unbounded=("pipes",),
        )
    )
    cells: MemoryCellStore = field(factory=MemoryCellStore)
    files: FileStore = field(factory=lambda: MemoryFileStore(now=lambda: 0.0))
    clock: MemoryReactorClock = field(factory=lambda: Reactor())
    ready: int = 0
    terms: Terms = field(factory=Terms)
    baseurl: str = ""
    parser: Parser = field(factory=Parser)
    installed: Sequence[OfferedSpec] = ()
    permalinks: RunPermalinkStore = field(init=False)
    fleet: Fleet = field(init=False)
    readiness: Readiness = field(init=False)
    web: WebServer = field(init=False)
    served: list[Routes] = field(init=False)
    site: Site = field(init=False)

    def __attrs_post_init__(self) -> None:
        ids = count(1)

        def new_id() -> str:
            return str(uuid.UUID(int=next(ids)))

        originator = Originator(new_id=new_id, now=lambda: DATE)
        self.permalinks = MemoryRunPermalinkStore(cells=self.cells, now=self.clock.seconds)
        self.fleet = Fleet(
            host=self.host,
            spec=PYTHON,
            files=self.files,
            permalinks=self.permalinks,
            baseurl=self.baseurl,
            limits=self.limits,
            clock=self.clock,
            originator=originator,
            starts=Starts(at_once=1000, each=1000, clock=self.clock),
        )
        check = KernelCheck(fleet=self.fleet, clock=self.clock, program="print 2")
        self.readiness = Readiness(
            clock=self.clock,
            check=check.run,
            obstacle=lambda: DRAINING if self.fleet.admission.is_draining else None,
        )
        self.web = WebServer(
            reactor=self.clock,
            limits=self.limits.requests,
            clients=self.clients,
            connection_limits=self.connection_limits,
            baseurl=self.baseurl,
            parser=self.parser,
        )
        self.served = self.routes(self.web)
        self.site = self.web.site(self.served)

    def routes(self, web: WebServer) -> list[Routes]:
        """All that a server has."""
        return [
            *page_routes(
                web, self.cells, self.client, host=self.host, kernel_python=self.kernel_python
            ),
            *kernel_routes(web, self.fleet, self.terms, elsewhere=self.elsewhere),
            *jupyter_routes(
                web,
                self.fleet,
                self.terms,
                Status(fleet=self.fleet, host=self.host, ready=lambda: self.ready),
                self.installed,
            ),
            Health(readiness=self.readiness),
        ]

    def elsewhere(
        self, kernel_id: str, address: str, on_message: Callable[[], None]
    ) -> KernelElsewhere | None:
        """A kernel of another server for a SockJS connection; there is none."""
        return None

    def connect(self, client: Protocol | None = None, *, peer: IAddress = CLIENT) -> Connection:
        """An established connection from `peer`."""
        return connected(self.site, self.clock, client, peer=peer)


class Reactor(MemoryReactorClock):
    """A reactor in memory that refuses what a real one does."""

    @override
    def callLater(
        self, delay: float, callable: Callable[..., object], *args: object, **kw: object
    ) -> IDelayedCall:
        assert delay >= 0, "the past cannot be waited for"
        return super().callLater(delay, callable, *args, **kw)


class SiteTests(SynchronousTestCase):
    """Tests of a site, each in its own world."""

    limits = Limits()
    terms = Terms()
    baseurl = ""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.folder.mkdir(parents=True)
        self.world = World(
            limits=self.limits, client=self.folder, terms=self.terms, baseurl=self.baseurl
        )

    def ask(
        self,
        method: str,
        path: str,
        headers: Iterable[tuple[str, str | bytes]] = (),
        body: bytes | None = None,
    ) -> Answer:
        """Make one request on its own connection."""
        connection = self.world.connect()
        connection.send(request(method, path, headers, body))
        answer = connection.answer(method)
        connection.hang_up()
        return answer

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.world.clock.advance(seconds)
