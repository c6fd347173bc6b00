"""Builds the server from its settings: the only package that joins adapters to policy."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import attrs
from attrs import frozen
from twisted.internet.defer import Deferred, succeed

from sagecell_tx.assembly.admin import admin_services, check_admin, operators_overview
from sagecell_tx.assembly.kernels import (
    follow_places,
    kernel_host,
    offered_specs,
    ready_kernels,
    session_fleet,
)
from sagecell_tx.assembly.listening import (
    adopting_services,
    check_endpoint,
    listening_ports,
    listening_services,
    shortfalls,
)
from sagecell_tx.assembly.logs import check_logs
from sagecell_tx.assembly.nodes import check_node, siblings_and_forwarding
from sagecell_tx.assembly.observing import (
    Observation,
    check_metrics,
    database_readiness,
    kernel_readiness,
    kernel_sources,
)
from sagecell_tx.assembly.stores import (
    cell_store,
    file_store,
    make_state_dir,
    run_permalink_store,
    sweeping,
    the_database,
)
from sagecell_tx.config import Config, ConfigError
from sagecell_tx.hosts.forked.python import KernelPython
from sagecell_tx.http.admin.merging import MEASURES, OVERVIEW, STATUS
from sagecell_tx.http.admin.status import Status
from sagecell_tx.http.cells.terms import Terms
from sagecell_tx.http.connections.limits import ConnectionLimits
from sagecell_tx.http.connections.refusing import Refusals
from sagecell_tx.http.routes import jupyter_routes, kernel_routes, page_routes, permalink_routes
from sagecell_tx.http.serving.clients import Clients
from sagecell_tx.http.serving.parsing import OneThread, Parser
from sagecell_tx.http.site import WebServer
from sagecell_tx.process.systemd import Notifier
from sagecell_tx.server import PermalinkServer, Server
from sagecell_tx.sessions.metrics import Latencies
from sagecell_tx.store.remotepermalinks import check_address
from sagecell_tx.workers.sharedplaces import SharedPlaces
from sagecell_tx.workers.sockets import OpenSocket


@frozen(kw_only=True)
class WorkerParts:
    """What a worker has of its keeper, which was `built` at that time; see `ControlRoutes`.

    It `follows` another process with the same number, if that has ended.
    """

    places: SharedPlaces
    sockets: Sequence[OpenSocket]
    follows: bool
    built: float


def build(
    config: Config, reactor: Any, notifier: Notifier, worker: WorkerParts | None = None
) -> PermalinkServer:
    """Build the server that `config` describes, without starting it. Raises `ConfigError`.

    It may be a `worker`, one of several processes of a server.
    """
    config = attrs.evolve(config, state_dir=config.state_dir.absolute())
    check(config, reactor, worker)
    clients = Clients(config.proxies, config.keys)
    terms = Terms.read(config.tos, required=config.requires_tos)
    make_state_dir(config.state_dir)
    remote = ("remote",) if config.permalinks else ()
    latencies = Latencies(reactor.seconds, ("read", "write", *remote))
    database = the_database(config, reactor, latencies)
    cells = cell_store(config, database, reactor, latencies)
    connection_limits = ConnectionLimits(
        most=config.limits.requests.connections_per_address, counted_as=clients.counted_as
    )
    refusals = Refusals(clock=reactor)
    ports = listening_ports(reactor, connection_limits, refusals)
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
    observed = partial(Observation, config=config, reactor=reactor, web=web, latencies=latencies)
    if config.permalinks_only:
        observation = observed(readiness=database_readiness(reactor, database))
        routes = [*permalink_routes(web, cells), *observation.public]
        return PermalinkServer(
            reactor=reactor,
            database=database,
            listening=[
                *listening_services(config, reactor, web.site(routes), ports),
                *observation.services,
            ],
            ports=ports,
            notifier=notifier,
        )

    def beside(what: str) -> Deferred[list[dict[str, Any]]]:
        return siblings.of_peers(what)

    files = file_store(config, database, reactor)
    host = kernel_host(config, reactor)
    clients.unconfined = lambda: host.status.sandbox == "none"
    ready = ready_kernels(config, reactor, host)
    permalinks = run_permalink_store(config, database, reactor)
    fleet = session_fleet(
        config,
        reactor,
        ready,
        files,
        permalinks,
        host.when_up,
        ports.has_room,
        lambda: not connection_limits.asking and not forwarding.joined,
        None if worker is None else worker.places.pools,
    )
    follow_places(host, fleet, ready)
    observation = observed(
        readiness=kernel_readiness(reactor, fleet, host),
        sources=kernel_sources(fleet, ready, host),
        beside=beside,
    )
    status = Status(fleet=fleet, host=host, ready=lambda: ready.ready, beside=beside)
    overview = operators_overview(reactor, status, beside)
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
            elsewhere=lambda *kernel: forwarding.kernels.open(*kernel),
        ),
        *jupyter_routes(
            web,
            fleet,
            terms,
            status,
            offered_specs(host),
            lambda which, key: siblings.listed(which, key),
        ),
        *observation.public,
    ]
    siblings, forwarding = siblings_and_forwarding(
        config,
        reactor,
        web,
        routes,
        fleet,
        lambda has_successor: server.drain(has_successor),
        {STATUS: status.fields, MEASURES: observation.measured, OVERVIEW: overview.fields},
        overview.stop,
        None if worker is None else worker.built,
    )
    follows = config.take_over and bool(config.nodes.strangers)
    if follows or (worker is not None and worker.follows):
        ports.hold()  # others accept meanwhile
    site = web.site(routes, forwarding.resource)
    if worker is None:
        listening = listening_services(config, reactor, site, ports)
    else:
        listening = adopting_services(config, reactor, site, ports, worker.sockets)
        worker.places.on_wanted = fleet.make_room
        worker.places.on_drain = lambda: server.drain()
    server = Server(
        reactor=reactor,
        database=database,
        sweeping=sweeping(config, reactor, files, permalinks),
        host=host,
        ready=ready,
        fleet=fleet,
        siblings=siblings,
        connections=connection_limits,
        when_left=(lambda: succeed(None)) if worker is None else forwarding.when_left,
        takes_over=config.take_over,
        follows=follows,
        shortfalls=partial(shortfalls, config, ports),
        on_drained=files.be_patient,
        listening=[
            *listening,
            *observation.services,
            *admin_services(
                config, reactor, overview, clients, lambda: server.drain(), siblings.stop
            ),
        ],
        ports=ports,
        notifier=notifier,
    )
    return server


def check(config: Config, reactor: Any, worker: WorkerParts | None = None) -> None:
    """Raises `ConfigError` for a malformed baseurl, endpoint or URL, or settings in conflict."""
    config.prefix  # noqa: B018 - raises
    check_node(config)
    check_admin(config, reactor)
    if not config.listen:
        raise ConfigError("listen: expected at least one endpoint")
    for endpoint in config.listen if worker is None else ():  # its keeper has opened them
        check_endpoint(endpoint, reactor)
    check_logs(config.logs)
    check_metrics(config, reactor)
    if config.permalinks:
        check_address(config.permalinks)
        if config.permalinks_only:
            raise ConfigError(
                "permalinks_only: this server cannot keep permalinks while the setting permalinks "
                "names another that does; remove one of the two"
            )
