"""``twistd sagecell-tx``: the only place that finds a reactor and joins adapters to policy."""

from __future__ import annotations

import os
import re
import resource
import secrets
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import attrs
from twisted.application import strports
from twisted.application.internet import TimerService
from twisted.application.service import IService, MultiService, Service
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python import usage
from twisted.python.threadpool import ThreadPool
from twisted.web.client import Agent
from twisted.web.server import Site
from typing_extensions import override

from sagecell_tx import __version__
from sagecell_tx.config import Config, ConfigError, load
from sagecell_tx.hosts.channels.zmqsocket import ZmqSocketFactory
from sagecell_tx.hosts.directories.removals import AT_ONCE
from sagecell_tx.hosts.directories.workdir import WorkDirs
from sagecell_tx.hosts.forked.host import ForkHost
from sagecell_tx.hosts.forked.sandbox import Sandbox, run_program
from sagecell_tx.hosts.network.allowlist import AllowList, is_public
from sagecell_tx.hosts.network.egress import Network
from sagecell_tx.hosts.network.resolver import ThreadedResolver
from sagecell_tx.http.cells.terms import Terms
from sagecell_tx.http.connections.accepting import ListeningPorts, WatchedEndpoint
from sagecell_tx.http.connections.limits import ConnectionLimits
from sagecell_tx.http.serving.clients import Clients
from sagecell_tx.http.serving.parsing import OneThread, Parser
from sagecell_tx.http.site import SiteParts, permalink_site, site
from sagecell_tx.process.resources import trimming
from sagecell_tx.process.systemd import Notifier
from sagecell_tx.server import PermalinkServer, Server
from sagecell_tx.sessions.admission.starts import Starts
from sagecell_tx.sessions.fleet.fleet import Fleet
from sagecell_tx.sessions.interfaces import CellStore
from sagecell_tx.sessions.originator import Originator
from sagecell_tx.sessions.pool.pool import ReadyKernels
from sagecell_tx.store.database import Database, open_database
from sagecell_tx.store.files import DatabaseFileStore
from sagecell_tx.store.permalinks import DatabaseCellStore
from sagecell_tx.store.remotepermalinks import RemoteCellStore, check_address

_log = Logger()

#: How often expired files are looked for, in seconds.
SWEEP = 600.0

#: Connections that a port keeps until they are let in. A class presses Evaluate at once, and who
#: finds no room in the queue is heard again only after 1, 3 or 7 seconds: Twisted's 50 are too few.
BACKLOG = 1024

#: Which of an endpoint's words is its backlog, where it has no name.
_BACKLOG_AT = {"tcp": 3, "tcp6": 2, "unix": 3, "ssl": 6}


class Options(usage.Options):
    """The command line. What it says wins over the configuration file."""

    synopsis = "[options]"
    longdesc = (
        "Serves live cells for web pages: takes programs over HTTP and WebSocket, runs each in "
        "a forked Jupyter kernel of its own, keeps permalinks and files in a database."
    )
    optParameters: ClassVar = [  # noqa: N815
        ["config", "c", None, "A TOML file with settings; see docs/operations.rst."],
        ["state-dir", "s", None, "Where the database and the kernels' directories are. [var]"],
        ["baseurl", "b", None, "What every path begins with, as in /cells. []"],
        [
            "sandbox",
            None,
            None,
            "The confinement that kernels must have: namespaces, account or none. "
            "[the highest that works here]",
        ],
    ]
    optFlags: ClassVar = [  # noqa: N815
        ["permalinks-only", None, "Serve permalinks, and nothing else: no page and no kernels."],
    ]

    def __init__(self) -> None:
        super().__init__()
        self["listen"] = []

    def opt_listen(self, endpoint: str) -> None:
        """Serve HTTP on this endpoint; may be repeated. [tcp:8888:interface=127.0.0.1]"""
        self["listen"].append(endpoint)

    opt_l = opt_listen

    def opt_version(self) -> None:
        """Show the version of sagecell-tx and exit."""
        print(f"sagecell-tx {__version__}")  # noqa: T201
        raise SystemExit(0)

    @override
    def postOptions(self) -> None:
        """Read the configuration; what is wrong with it is a usage error."""
        try:
            settings = load(Path(self["config"])) if self["config"] else {}
        except ConfigError as error:
            raise usage.UsageError(str(error)) from error
        if self["listen"]:
            settings["listen"] = tuple(self["listen"])
        if self["state-dir"]:
            settings["state_dir"] = Path(self["state-dir"])
        if self["baseurl"] is not None:
            settings["baseurl"] = self["baseurl"]
        if self["sandbox"]:
            settings["sandbox"] = self["sandbox"]
        if self["permalinks-only"]:
            settings["permalinks_only"] = True
        self.settings = Config(**settings)


def makeService(options: Options) -> IService:  # noqa: N802
    """The whole server, for twistd."""
    from twisted.internet import reactor  # noqa: TID251 - here and nowhere else

    try:
        return build(options.settings, reactor, Notifier.from_environment())
    except ConfigError as error:
        raise SystemExit(f"sagecell-tx: {error}") from error


def now() -> str:
    """The time, as ISO 8601 with zone."""
    return datetime.now(UTC).isoformat()


def timestamp() -> float:
    """The time, in seconds since the epoch."""
    return datetime.now(UTC).timestamp()


def new_id() -> str:
    """A random id of 36 characters."""
    return str(uuid.uuid4())


def build(config: Config, reactor: Any, notifier: Notifier) -> PermalinkServer:
    """The server that `config` describes; nothing is started yet. Raises `ConfigError`."""
    config = attrs.evolve(config, state_dir=config.state_dir.absolute())
    _check(config)
    clients = Clients(config.proxies, config.keys)
    terms = Terms.read(config.tos, required=config.requires_tos)
    try:
        if not config.state_dir.exists():
            config.state_dir.mkdir(parents=True)
            # Kernels with accounts of their own pass through; they cannot look around.
            config.state_dir.chmod(0o711)
    except OSError as error:
        raise ConfigError(f"state_dir: {config.state_dir}: {error.strerror}") from error
    threads = reactor.getThreadPool()
    limits = config.limits
    database = open_database(
        config.database_url, reactor=reactor, pool=threads, reserve=limits.files.disk_reserve_bytes
    )
    cells = _cells(config, database, reactor)
    connection_limits = ConnectionLimits(
        most=limits.requests.connections_per_address, counted_as=clients.counted_as
    )
    ports = ListeningPorts(
        clock=reactor,
        limit=lambda: resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        hang_up=connection_limits.hang_up,
    )
    parser = Parser(OneThread(reactor=reactor, threads=threads))
    if config.permalinks_only:
        links = permalink_site(
            cells=cells,
            limits=limits.requests,
            reactor=reactor,
            on_accepted=ports.accepted,
            connection_limits=connection_limits,
            clients=clients,
            baseurl=config.prefix,
            parser=parser,
        )
        return PermalinkServer(
            reactor=reactor,
            database=database,
            listening=_listening(config, reactor, links, ports),
            ports=ports,
            notifier=notifier,
        )
    network = _network(config, reactor)
    files = DatabaseFileStore(
        database=database,
        now=timestamp,
        entropy=secrets.token_bytes,
        total=limits.files.total_bytes,
    )
    host = ForkHost(
        reactor=reactor,
        threads=threads,
        removers=ThreadPool(0, AT_ONCE, "removals"),
        zmq=ZmqSocketFactory(reactor),
        directories=WorkDirs(config.kernels_dir, lambda: secrets.token_hex(4)),
        limits=limits,
        preload=config.preload,
        spare=config.spare,
        sandbox=Sandbox(
            level=config.sandbox,
            kernels=str(config.kernels_dir.absolute()),
            hidden=(str(config.state_dir),),
            visible=config.visible,
            accounts=config.accounts,
        ),
        try_level=run_program,
        network=network,
        new_key=lambda: secrets.token_hex(32),
    )
    ready = ReadyKernels(
        host=host,
        limits=limits.admission,
        start_seconds=limits.lifetime.start_seconds,
        clock=reactor,
    )
    processors = len(os.sched_getaffinity(0))
    originator = Originator(new_id=new_id, now=now)
    fleet = Fleet(
        host=ready,
        files=files,
        limits=limits,
        clock=reactor,
        originator=originator,
        starts=Starts(at_once=2 * processors, each=processors, clock=reactor),
    )
    web = site(
        SiteParts(
            fleet=fleet,
            cells=cells,
            files=files,
            limits=limits,
            reactor=reactor,
            originator=originator,
            ready=lambda: ready.ready,
            sandbox=lambda: (host.sandbox.level, host.features),
            unbounded=lambda: host.unbounded,
            rejected=host.rejected,
            on_accepted=ports.accepted,
            connection_limits=connection_limits,
            clients=clients,
            terms=terms,
            baseurl=config.prefix,
            parser=parser,
        )
    )

    def sweep() -> Deferred[None]:
        swept = files.sweep(timestamp() - limits.files.retention_seconds)
        # A timer whose function fails never calls it again.
        swept.addErrback(lambda failure: _log.failure("sweeping files", failure))
        return swept.addCallback(lambda _: None)

    sweeping = MultiService()
    for timer in (TimerService(SWEEP, sweep), trimming(reactor, threads)):
        timer.clock = reactor
        timer.setServiceParent(sweeping)
    return Server(
        reactor=reactor,
        database=database,
        sweeping=sweeping,
        host=host,
        ready=ready,
        fleet=fleet,
        listening=_listening(config, reactor, web, ports),
        ports=ports,
        notifier=notifier,
    )


def _check(config: Config) -> None:
    """Raises `ConfigError` for an address that nothing can be at, or one too many."""
    config.prefix  # noqa: B018 - raises
    if config.permalinks:
        check_address(config.permalinks)
        if config.permalinks_only:
            raise ConfigError("permalinks_only: permalinks names another server that keeps them")


def _cells(config: Config, database: Database, reactor: Any) -> CellStore:
    """Where permalinks are kept."""
    if config.permalinks:
        return RemoteCellStore(url=config.permalinks, agent=Agent(reactor), clock=reactor)
    return DatabaseCellStore(database=database, now=timestamp, entropy=secrets.token_bytes)


def _listening(config: Config, reactor: Any, web: Site, ports: ListeningPorts) -> Sequence[Service]:
    """What serves on each endpoint."""
    listening = [
        strports.service(with_deep_queue(endpoint), web, reactor=reactor)
        for endpoint in config.listen
    ]
    for service in listening:
        service.endpoint = WatchedEndpoint(service.endpoint, ports)
    return listening


def with_deep_queue(endpoint: str) -> str:
    """An endpoint string with a backlog; unchanged where it names one, or its port is not ours."""
    words = re.findall(r"(?:^|:)((?:\\.|[^\\:])*)", endpoint)
    while words[0] == "haproxy" and len(words) > 1:
        del words[0]
    place = _BACKLOG_AT.get(words[0])
    positional = [word for word in words if "=" not in word]
    if place is None or len(positional) > place or any(w.startswith("backlog=") for w in words):
        return endpoint
    return f"{endpoint}:backlog={BACKLOG}"


def _network(config: Config, reactor: Any) -> Network | None:
    """What kernels reach of the network; None for nothing. Raises `ConfigError`."""
    allowed = AllowList.of(config.network, config.network_ports)
    if not config.network:
        return None
    return Network(
        reactor=reactor,
        allowed=allowed,
        limits=config.limits.network,
        resolver=ThreadedResolver(reactor=reactor),
        is_public=is_public,
    )
