"""Settings become a server: adapters are joined to policy here and nowhere else."""

from __future__ import annotations

import os
import re
import resource
import secrets
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
from twisted.application import strports
from twisted.application.internet import TimerService
from twisted.application.service import MultiService, Service
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.threadpool import ThreadPool
from twisted.web.client import Agent
from twisted.web.server import Site

from sagecell_tx.config import Config, ConfigError
from sagecell_tx.hosts.channels.zmqsocket import ZmqSocketFactory
from sagecell_tx.hosts.directories.removals import AT_ONCE
from sagecell_tx.hosts.directories.workdir import WorkDirs
from sagecell_tx.hosts.forked.host import ForkHost
from sagecell_tx.hosts.forked.sandbox import Sandbox, run_program
from sagecell_tx.hosts.network.allowlist import AllowList, is_public
from sagecell_tx.hosts.network.egress import Network
from sagecell_tx.hosts.network.resolver import ThreadedResolver
from sagecell_tx.http.admin.status import Status
from sagecell_tx.http.cells.terms import Terms
from sagecell_tx.http.connections.accepting import ListeningPorts, WatchedEndpoint
from sagecell_tx.http.connections.limits import ConnectionLimits
from sagecell_tx.http.routes import kernel_routes, page_routes, permalink_routes
from sagecell_tx.http.serving.clients import Clients
from sagecell_tx.http.serving.parsing import OneThread, Parser
from sagecell_tx.http.site import WebServer
from sagecell_tx.process.resources import trimming
from sagecell_tx.process.systemd import Notifier
from sagecell_tx.server import PermalinkServer, Server
from sagecell_tx.sessions.admission.starts import Starts
from sagecell_tx.sessions.fleet.fleet import Fleet
from sagecell_tx.sessions.interfaces import CellStore, FileStore, Host, HostService
from sagecell_tx.sessions.originator import Originator
from sagecell_tx.sessions.pool.pool import ReadyKernels
from sagecell_tx.sessions.spec import PYTHON
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
    _make_state_dir(config.state_dir)
    database = _database(config, reactor)
    cells = _cells(config, database, reactor)
    connection_limits = ConnectionLimits(
        most=config.limits.requests.connections_per_address, counted_as=clients.counted_as
    )
    ports = _ports(reactor, connection_limits)
    web = WebServer(
        reactor=reactor,
        limits=config.limits.requests,
        on_accepted=ports.accepted,
        connection_limits=connection_limits,
        clients=clients,
        baseurl=config.prefix,
        parser=Parser(OneThread(reactor=reactor, threads=reactor.getThreadPool())),
    )
    if config.permalinks_only:
        return PermalinkServer(
            reactor=reactor,
            database=database,
            listening=_listening(config, reactor, web.site(permalink_routes(web, cells)), ports),
            ports=ports,
            notifier=notifier,
        )
    files = _files(config, database)
    host = _host(config, reactor)
    ready = _ready_kernels(config, reactor, host)
    fleet = _fleet(config, reactor, ready, files)
    routes = [
        *page_routes(web, cells, script_hosts=config.script_hosts),
        *kernel_routes(web, fleet, terms),
        Status(fleet=fleet, host=host, ready=lambda: ready.ready),
    ]
    return Server(
        reactor=reactor,
        database=database,
        sweeping=_sweeping(config, reactor, files),
        host=host,
        ready=ready,
        fleet=fleet,
        listening=_listening(config, reactor, web.site(routes), ports),
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


def _make_state_dir(path: Path) -> None:
    """Have a directory for the database and those of the kernels. Raises `ConfigError`."""
    try:
        if not path.exists():
            path.mkdir(parents=True)
            # Kernels with accounts of their own pass through; they cannot look around.
            path.chmod(0o711)
    except OSError as error:
        raise ConfigError(f"state_dir: {path}: {error.strerror}") from error


def _database(config: Config, reactor: Any) -> Database:
    """What permalinks and files are kept in. Raises `ConfigError`."""
    return open_database(
        config.database_url,
        reactor=reactor,
        pool=reactor.getThreadPool(),
        reserve=config.limits.files.disk_reserve_bytes,
    )


def _cells(config: Config, database: Database, reactor: Any) -> CellStore:
    """Where permalinks are kept."""
    if config.permalinks:
        return RemoteCellStore(url=config.permalinks, agent=Agent(reactor), clock=reactor)
    return DatabaseCellStore(database=database, now=timestamp, entropy=secrets.token_bytes)


def _files(config: Config, database: Database) -> DatabaseFileStore:
    """Where the files are kept that kernels made."""
    return DatabaseFileStore(
        database=database,
        now=timestamp,
        entropy=secrets.token_bytes,
        total=config.limits.files.total_bytes,
    )


def _host(config: Config, reactor: Any) -> HostService:
    """Where kernels run. Raises `ConfigError`."""
    network = _network(config, reactor)  # what may raise comes before what has to be closed
    return ForkHost(
        reactor=reactor,
        threads=reactor.getThreadPool(),
        removers=ThreadPool(0, AT_ONCE, "removals"),
        zmq=ZmqSocketFactory(reactor),
        directories=WorkDirs(config.kernels_dir, lambda: secrets.token_hex(4)),
        limits=config.limits,
        spec=PYTHON,
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


def _ready_kernels(config: Config, reactor: Any, host: Host) -> ReadyKernels:
    """The kernels of `host`, some of them started before anybody asks."""
    return ReadyKernels(
        host=host,
        spec=PYTHON,
        limits=config.limits.admission,
        start_seconds=config.limits.lifetime.start_seconds,
        clock=reactor,
    )


def _fleet(config: Config, reactor: Any, host: Host, files: FileStore) -> Fleet:
    """All sessions, which have their kernels of `host`."""
    processors = len(os.sched_getaffinity(0))
    return Fleet(
        host=host,
        spec=PYTHON,
        files=files,
        limits=config.limits,
        clock=reactor,
        originator=Originator(new_id=new_id, now=now),
        starts=Starts(at_once=2 * processors, each=processors, clock=reactor),
    )


def _sweeping(config: Config, reactor: Any, files: FileStore) -> Service:
    """What is done again and again: expired files are deleted, freed memory is given back."""

    def sweep() -> Deferred[None]:
        swept = files.sweep(timestamp() - config.limits.files.retention_seconds)
        # A timer whose function fails never calls it again.
        swept.addErrback(lambda failure: _log.failure("sweeping files", failure))
        return swept.addCallback(lambda _: None)

    sweeping = MultiService()
    for timer in (TimerService(SWEEP, sweep), trimming(reactor, reactor.getThreadPool())):
        timer.clock = reactor
        timer.setServiceParent(sweeping)
    return sweeping


def _ports(reactor: Any, connection_limits: ConnectionLimits) -> ListeningPorts:
    """What has the ports, and makes room when descriptors run out."""
    return ListeningPorts(
        clock=reactor,
        limit=lambda: resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        hang_up=connection_limits.hang_up,
    )


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
