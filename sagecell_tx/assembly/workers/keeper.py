"""The keeper of a server of several processes, from the server's settings."""

from __future__ import annotations

import os
import secrets
import sys
from functools import partial
from typing import Any

import attrs
from twisted.application.internet import StreamServerEndpointService
from twisted.internet.endpoints import UNIXServerEndpoint
from twisted.internet.interfaces import IProcessTransport
from twisted.internet.protocol import ProcessProtocol

from sagecell_tx.assembly.build import check
from sagecell_tx.assembly.identifiers import since_boot
from sagecell_tx.assembly.listening import held_services, listening_ports
from sagecell_tx.assembly.stores import make_state_dir, the_database
from sagecell_tx.assembly.workers.starting import FIRST, LINE, Start, check_workers, worker_config
from sagecell_tx.config import Config
from sagecell_tx.hosts.directories.workdir import WorkDirs
from sagecell_tx.http.connections.limits import ConnectionLimits
from sagecell_tx.http.connections.refusing import Refusals
from sagecell_tx.http.nodes.control import ControlRoutes
from sagecell_tx.process.nodes import worker_number
from sagecell_tx.process.systemd import Notifier
from sagecell_tx.sessions.admission.places import place_pools
from sagecell_tx.sessions.metrics import Latencies
from sagecell_tx.workers.keeper import Keeper
from sagecell_tx.workers.process import environment
from sagecell_tx.workers.sockets import OpenSocket
from sagecell_tx.workers.worker import Worker


def build_keeper(config: Config, reactor: Any, notifier: Notifier) -> Keeper:
    """The keeper of a server with these settings, without starting it. Raises `ConfigError`."""
    config = attrs.evolve(config, state_dir=config.state_dir.absolute())
    check_workers(config)
    nodes = [worker_number(config.node, index + 1) for index in range(config.web_processes)]
    check(worker_config(config, nodes[0]), reactor)
    make_state_dir(config.state_dir)
    alone = attrs.evolve(config, web_processes=1)  # the same server, as one of one process
    pools = place_pools(config.limits.admission, reactor, processes=config.web_processes)
    opened: list[OpenSocket] = []
    built = since_boot()
    keeper = Keeper(
        reactor=reactor,
        database=the_database(config, reactor, Latencies()),
        listening=held_services(config, reactor, opened.append),
        ports=listening_ports(reactor, ConnectionLimits(), Refusals(clock=reactor)),
        notifier=notifier,
        pools=pools,
        lock=WorkDirs(
            alone.kernels_dir,
            lambda: secrets.token_hex(4),
            alone.accounts_lock if os.geteuid() == 0 else None,
        ),
        drain_seconds=config.limits.lifetime.drain_seconds,
        fail=lambda: reactor.addSystemEventTrigger("after", "shutdown", _fail),
    )
    routes = ControlRoutes(
        node=config.node,
        built=built,
        fleet=keeper,
        drain=keeper.drain,
        has_sockjs=lambda _: False,
        listed=lambda which, key: [],
    )
    path = str(alone.nodes.keeper(config.node))
    keeper.control = StreamServerEndpointService(
        UNIXServerEndpoint(reactor, path, mode=0o600), routes.site(reactor)
    )
    keeper.workers = [
        Worker(
            reactor=reactor,
            node=node,
            pools=pools,
            spawn=partial(_spawn, reactor, config, node, opened, built),
            came_up=keeper.came_up,
            has_ended=keeper.has_ended,
            drains=keeper.drain,
            on_changed=keeper.look,
            relay=keeper.relay,
        )
        for node in nodes
    ]
    return keeper


def _fail() -> None:
    """End this process with an error: twistd ends with none after a stop in order."""
    sys.stdout.flush()
    os._exit(1)


def _spawn(
    reactor: Any,
    config: Config,
    node: int,
    opened: list[OpenSocket],
    built: float,
    protocol: ProcessProtocol,
    line: int,
    follows: bool,
) -> None:
    """Start a worker's process. Raises OSError."""
    start = Start(
        config=worker_config(config, node),
        families=tuple(each.family for each in opened),
        follows=follows,
        built=built,
        keeper_config=config,
    )
    descriptors: dict[int, Any] = {0: "w", 1: "r", 2: "r", LINE: line}
    descriptors |= {FIRST + index: each.descriptor for index, each in enumerate(opened)}
    process: IProcessTransport = reactor.spawnProcess(
        protocol,
        sys.executable,
        [sys.executable, "-P", "-m", "sagecell_tx.webprocess"],
        env=environment(),
        childFDs=descriptors,
    )
    process.writeToChild(0, start.dump())
    process.closeStdin()
