"""Builds the server from its settings: the only module that joins adapters to policy."""

from __future__ import annotations

import os
import re
import resource
import secrets
import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import attrs
from twisted.application import strports
from twisted.application.internet import TimerService
from twisted.application.service import MultiService, Service
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.logger import Logger
from twisted.python.threadpool import ThreadPool
from twisted.web.client import Agent
from twisted.web.server import Site

from sagecell_tx.config import Config, ConfigError
from sagecell_tx.hosts.channels.zmqsocket import ZmqSocketFactory
from sagecell_tx.hosts.directories.removals import AT_ONCE
from sagecell_tx.hosts.directories.workdir import WorkDirs
from sagecell_tx.hosts.forked.host import ForkHost
from sagecell_tx.hosts.forked.python import KernelPython
from sagecell_tx.hosts.forked.sandbox import Sandbox, run_program
from sagecell_tx.hosts.kernelspecs.finding import find_specs
from sagecell_tx.hosts.kernelspecs.installed import InstalledSpec
from sagecell_tx.hosts.network.allowlist import AllowList, is_public
from sagecell_tx.hosts.network.egress import Network
from sagecell_tx.hosts.network.resolver import ThreadedResolver
from sagecell_tx.hosts.routing import KernelHost
from sagecell_tx.http.admin.status import Status
from sagecell_tx.http.cells.terms import Terms
from sagecell_tx.http.connections.accepting import REFUSED_AT, ListeningPorts, WatchedEndpoint
from sagecell_tx.http.connections.limits import ConnectionLimits
from sagecell_tx.http.connections.refusing import Refusals
from sagecell_tx.http.jupyter.kernelspecs import OfferedSpec, SpecFile
from sagecell_tx.http.routes import jupyter_routes, kernel_routes, page_routes, permalink_routes
from sagecell_tx.http.serving.clients import Clients
from sagecell_tx.http.serving.parsing import OneThread, Parser
from sagecell_tx.http.site import WebServer
from sagecell_tx.process.capacity import Capacity
from sagecell_tx.process.resources import available_memory, trimming
from sagecell_tx.process.systemd import Notifier
from sagecell_tx.server import PermalinkServer, Server
from sagecell_tx.sessions.admission.starts import Starts
from sagecell_tx.sessions.fleet.fleet import Fleet
from sagecell_tx.sessions.interfaces import (
    CellStore,
    FileStore,
    HostService,
    RunPermalinkStore,
)
from sagecell_tx.sessions.originator import Originator
from sagecell_tx.sessions.pool.pool import ReadyKernels
from sagecell_tx.sessions.spec import PYTHON
from sagecell_tx.store.database import Database, open_database
from sagecell_tx.store.files import DatabaseFileStore
from sagecell_tx.store.permalinks import DatabaseCellStore
from sagecell_tx.store.remotepermalinks import RemoteCellStore, check_address
from sagecell_tx.store.runpermalinks import DatabaseRunPermalinkStore

_log = Logger()

#: Seconds between two deletions of expired files.
SWEEP = 600.0

#: Kernels that are started at a time for each processor, if the settings do not say how many.
STARTS = 3

#: Connections that may wait on a port to be accepted. A class presses Evaluate at once, and clients
#: that find the queue full retry only after 1, 3 or 7 seconds: Twisted's 50 are too few.
BACKLOG = 1024

#: The index of the backlog among an endpoint's positional parts, of which the kind is the first.
_BACKLOG_AT = {"tcp": 3, "tcp6": 2, "unix": 3, "ssl": 6}


def now() -> str:
    """The current time, as ISO 8601 text with zone."""
    return datetime.now(UTC).isoformat()


def timestamp() -> float:
    """The current time, in seconds since the epoch."""
    return datetime.now(UTC).timestamp()


def new_id() -> str:
    """A random UUID, which has 36 characters."""
    return str(uuid.uuid4())


def build(config: Config, reactor: Any, notifier: Notifier) -> PermalinkServer:
    """Build the server that `config` describes, without starting it. Raises `ConfigError`."""
    config = attrs.evolve(config, state_dir=config.state_dir.absolute())
    _check(config, reactor)
    clients = Clients(config.proxies, config.keys)
    terms = Terms.read(config.tos, required=config.requires_tos)
    _make_state_dir(config.state_dir)
    database = _database(config, reactor)
    cells = _cells(config, database, reactor)
    connection_limits = ConnectionLimits(
        most=config.limits.requests.connections_per_address, counted_as=clients.counted_as
    )
    refusals = Refusals(clock=reactor)
    ports = _ports(reactor, connection_limits, refusals)
    web = WebServer(
        reactor=reactor,
        limits=config.limits.requests,
        on_accepted=ports.accepted,
        refusals=refusals,
        connection_limits=connection_limits,
        clients=clients,
        baseurl=config.prefix,
        has_pages=not config.permalinks_only,
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
    clients.unconfined = lambda: host.status.sandbox == "none"
    ready = _ready_kernels(config, reactor, host)
    permalinks = _run_permalinks(config, database)
    fleet = _fleet(config, reactor, ready, files, permalinks, host.when_up, ports.has_room)
    routes = [
        *page_routes(
            web,
            cells,
            host=host,
            script_hosts=config.script_hosts,
            kernel_python=Path(KernelPython.of(config.kernel_python).path),
        ),
        *kernel_routes(
            web,
            fleet,
            terms,
            script_hosts=config.script_hosts,
            environment=lambda: host.status.environment,
        ),
        *jupyter_routes(
            web,
            fleet,
            terms,
            Status(fleet=fleet, host=host, ready=lambda: ready.ready),
            _offered(host),
        ),
    ]
    return Server(
        reactor=reactor,
        database=database,
        sweeping=_sweeping(config, reactor, files, permalinks),
        host=host,
        ready=ready,
        fleet=fleet,
        shortfalls=partial(_shortfalls, config, ports),
        listening=_listening(config, reactor, web.site(routes), ports),
        ports=ports,
        notifier=notifier,
    )


def _check(config: Config, reactor: Any) -> None:
    """Raises `ConfigError` for a malformed baseurl, endpoint or URL, or settings in conflict."""
    config.prefix  # noqa: B018 - raises
    if not config.listen:
        raise ConfigError("listen: expected at least one endpoint")
    for endpoint in config.listen:
        _check_endpoint(endpoint, reactor)
    if config.permalinks:
        check_address(config.permalinks)
        if config.permalinks_only:
            raise ConfigError(
                "permalinks_only: this server cannot keep permalinks while the setting permalinks "
                "names another that does; remove one of the two"
            )


def _make_state_dir(path: Path) -> None:
    """Create `path`, for the database and the kernels, if it is missing. Raises `ConfigError`.

    Also if it is there and is not a directory in which files can be created.
    """
    try:
        if not path.exists():
            path.mkdir(parents=True)
            # Kernels with their own accounts can traverse it, but not list it.
            path.chmod(0o711)
        with TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise ConfigError(f"state_dir: {path}: {error.strerror}") from error


def _database(config: Config, reactor: Any) -> Database:
    """The database of permalinks and files. Raises `ConfigError`."""
    return open_database(
        config.database_url,
        reactor=reactor,
        pool=reactor.getThreadPool(),
        reserve=config.limits.files.disk_reserve_bytes,
    )


def _cells(config: Config, database: Database, reactor: Any) -> CellStore:
    """The store of permalinks: another server, or the database."""
    if config.permalinks:
        return RemoteCellStore(url=config.permalinks, agent=Agent(reactor), clock=reactor)
    return DatabaseCellStore(
        database=database,
        now=timestamp,
        entropy=secrets.token_bytes,
        run_seconds=config.limits.requests.run_permalink_seconds,
    )


def _run_permalinks(config: Config, database: Database) -> DatabaseRunPermalinkStore:
    """The store of permalinks of runs. Older ones expire even if no new ones are stored."""
    return DatabaseRunPermalinkStore(
        database=database,
        now=timestamp,
        entropy=secrets.token_bytes,
        total=config.limits.requests.run_permalink_bytes,
    )


def _files(config: Config, database: Database) -> DatabaseFileStore:
    """The store of files that kernels made."""
    return DatabaseFileStore(
        database=database,
        now=timestamp,
        entropy=secrets.token_bytes,
        total=config.limits.files.total_bytes,
    )


def _offered(host: HostService) -> list[OfferedSpec]:
    """The installed kernelspecs that `host` has, as clients see them."""
    installed = host.installed.values() if isinstance(host, KernelHost) else ()
    return [
        OfferedSpec(
            name=spec.kind.name,
            display_name=spec.kind.display_name,
            language=spec.kind.language,
            kind=spec.kind,
            interrupt_mode=spec.interrupt_mode,
            help_links=spec.help_links,
            files={
                key: SpecFile(each.name, each.media_type, each.content)
                for key, each in spec.resources.items()
            },
        )
        for spec in installed
    ]


def _host(config: Config, reactor: Any) -> HostService:
    """The host of all kernels, those of installed kernelspecs included. Raises `ConfigError`."""
    specs = find_specs(config.kernelspecs)
    network = _network(config, reactor)  # first, as it may raise: nothing has to be closed yet
    forked = _fork_host(config, reactor, network, specs)
    if not specs:
        return forked
    return KernelHost(forked=forked, installed={spec.kind: spec for spec in specs})


def _fork_host(
    config: Config, reactor: Any, network: Network | None, specs: Sequence[InstalledSpec]
) -> ForkHost:
    """The host that forks kernels, which can read what those of `specs` need. Raises `ConfigError`."""
    readable = [path for spec in specs for path in spec.directories]
    originator = Originator(new_id=new_id, now=now)
    return ForkHost(
        reactor=reactor,
        threads=reactor.getThreadPool(),
        removers=ThreadPool(0, AT_ONCE, "removals"),
        zmq=ZmqSocketFactory(reactor),
        directories=WorkDirs(config.kernels_dir, lambda: secrets.token_hex(4)),
        limits=config.limits,
        spec=PYTHON,
        preload=config.preload,
        picture_files=config.picture_files,
        spare=config.spare,
        sandbox=Sandbox(
            level=config.sandbox,
            kernels=str(config.kernels_dir.absolute()),
            hidden=(str(config.state_dir),),
            visible=tuple(dict.fromkeys((*config.visible, *readable))),
            accounts=config.accounts,
        ),
        try_level=run_program,
        network=network,
        python=KernelPython.of(config.kernel_python),
        originate=originator.originate,
        new_key=lambda: secrets.token_hex(32),
    )


def _network(config: Config, reactor: Any) -> Network | None:
    """The network that kernels may use; None if they may use none. Raises `ConfigError`."""
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


def _ready_kernels(config: Config, reactor: Any, host: HostService) -> ReadyKernels:
    """A pool in front of `host`, which starts some kernels ahead of demand."""
    return ReadyKernels(
        host=host,
        spec=PYTHON,
        limits=config.limits.admission,
        start_seconds=config.limits.lifetime.start_seconds,
        clock=reactor,
        when_up=host.when_up,
    )


def _fleet(
    config: Config,
    reactor: Any,
    ready: ReadyKernels,
    files: FileStore,
    permalinks: RunPermalinkStore,
    when_up: Callable[[], Deferred[None]],
    has_room: Callable[[], bool],
) -> Fleet:
    """The fleet of all sessions; `ready` has or starts their kernels, and can do so from `when_up` on."""
    at_once = config.limits.admission.starting_kernels or STARTS * len(os.sched_getaffinity(0))
    # A program whose permalink is stored here would not be found at the server of permalinks.
    are_stored = config.run_permalinks and not config.permalinks
    return Fleet(
        host=ready,
        is_ready=ready.has_ready,
        has_room=has_room,
        spec=PYTHON,
        files=files,
        permalinks=permalinks if are_stored else None,
        baseurl=config.prefix,
        limits=config.limits,
        clock=reactor,
        originator=Originator(new_id=new_id, now=now),
        starts=Starts(at_once=at_once, each=(at_once + 1) // 2, clock=reactor, when_up=when_up),
    )


def _sweeping(
    config: Config, reactor: Any, files: FileStore, permalinks: RunPermalinkStore
) -> Service:
    """Periodic work: deletes what has expired, and returns freed memory to the system."""

    def sweep() -> Deferred[None]:
        now, limits = timestamp(), config.limits
        # TimerService stops for good when its function fails.
        swept = files.sweep(now - limits.files.retention_seconds)
        swept.addErrback(lambda failure: _log.failure("cannot delete expired files", failure))
        swept.addCallback(lambda _: permalinks.sweep(now - limits.requests.run_permalink_seconds))
        swept.addErrback(lambda failure: _log.failure("cannot delete expired permalinks", failure))
        return swept.addCallback(lambda _: None)

    sweeping = MultiService()
    for timer in (TimerService(SWEEP, sweep), trimming(reactor, reactor.getThreadPool())):
        timer.clock = reactor
        timer.setServiceParent(sweeping)
    return sweeping


def _ports(reactor: Any, connection_limits: ConnectionLimits, refusals: Refusals) -> ListeningPorts:
    """The listening ports, which drop idle connections and refuse new ones when descriptors run out."""
    return ListeningPorts(
        clock=reactor,
        refusals=refusals,
        limit=lambda: resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        hang_up=connection_limits.hang_up,
    )


def _shortfalls(config: Config, ports: ListeningPorts) -> Iterator[str]:
    """Sentences about what does not suffice for the kernels that the settings allow."""
    admission = config.limits.admission
    capacity = Capacity(
        descriptors=int(REFUSED_AT * ports.limit()) - ports.in_use(), memory=available_memory()
    )
    return capacity.shortfalls(admission.kernels + admission.service_kernels)


def _check_endpoint(endpoint: str, reactor: Any) -> None:
    """Raises `ConfigError` for what is not an endpoint, or one whose certificate is not there."""
    try:
        serverFromString(reactor, with_deep_queue(endpoint))
    except OSError as error:
        raise ConfigError(f"listen: {endpoint}: {error.filename}: {error.strerror}") from error
    except LookupError as error:
        raise ConfigError(f"listen: {endpoint}: systemd has passed no such socket") from error
    except Exception as error:  # Twisted's parsers raise whatever they come upon
        sentence = f"not an endpoint, such as tcp:8888:interface=127.0.0.1: {error}"
        raise ConfigError(f"listen: {endpoint}: {sentence}") from error


def _listening(config: Config, reactor: Any, web: Site, ports: ListeningPorts) -> Sequence[Service]:
    """A service for each endpoint of the settings, of which each has its endpoint's name."""
    listening = []
    for endpoint in config.listen:
        service = strports.service(with_deep_queue(endpoint), web, reactor=reactor)
        service.setName(endpoint)
        service.endpoint = WatchedEndpoint(service.endpoint, ports)
        listening.append(service)
    return listening


def with_deep_queue(endpoint: str) -> str:
    """`endpoint` with our backlog; unchanged if it has one, or if we do not open its port."""
    words = re.findall(r"(?:^|:)((?:\\.|[^\\:])*)", endpoint)
    while words[0] == "haproxy" and len(words) > 1:
        del words[0]
    place = _BACKLOG_AT.get(words[0])
    positional = [word for word in words if "=" not in word]
    if place is None or len(positional) > place or any(w.startswith("backlog=") for w in words):
        return endpoint
    return f"{endpoint}:backlog={BACKLOG}"
