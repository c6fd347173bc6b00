"""One worker of a server of several processes, from what its keeper tells it."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import Any

from attrs import frozen
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from typing_extensions import override

from sagecell_tx.assembly.build import WorkerParts, build
from sagecell_tx.assembly.workers.starting import FIRST, LINE, Start
from sagecell_tx.process.systemd import Notifier
from sagecell_tx.server import PermalinkServer
from sagecell_tx.workers.lines import WorkerLine
from sagecell_tx.workers.protocol import DRAINING, STOPPING, UP, State, parse_answer
from sagecell_tx.workers.sharedplaces import SharedPlaces
from sagecell_tx.workers.sockets import OpenSocket

_log = Logger()


@frozen(kw_only=True)
class KeeperNotifier(Notifier):
    """Calls `tell` with a worker's state, of which systemd is told where there is one process."""

    tell: Callable[[str], None]

    @override
    def ready(self) -> None:
        """See `Notifier.ready`."""
        self.tell(UP)

    @override
    def status(self, sentence: str) -> None:
        """See `Notifier.status`: a server has one only while it drains."""
        self.tell(DRAINING)

    @override
    def stopping(self) -> None:
        """See `Notifier.stopping`."""
        self.tell(STOPPING)


def build_worker(start: Start, reactor: Any) -> PermalinkServer:
    """A worker, without starting it; its line to the keeper is at once taken over. Raises `ConfigError`."""

    def receive(line: bytes) -> None:
        places.receive(parse_answer(line))

    def lost() -> None:
        if not server.is_finishing:
            _log.error("the keeper has ended, and so does this process")
        places.lose()
        server.finish()

    lines = WorkerLine(receive, lost)
    places = SharedPlaces(
        limits=start.keeper_config.limits.admission,
        processes=start.config.web_processes,
        clock=reactor,
        send=lambda request: lines.send(request.line()),
    )
    sockets = [OpenSocket(FIRST + each, family) for each, family in enumerate(start.families)]
    for descriptor in (LINE, *(each.descriptor for each in sockets)):
        os.set_inheritable(descriptor, False)  # fork servers have nothing of them
    server = build(
        start.config,
        reactor,
        KeeperNotifier(tell=lambda state: places.send(State(state))),
        WorkerParts(places=places, sockets=sockets, follows=start.follows, built=start.built),
    )
    factory = Factory.forProtocol(lambda: lines)
    factory.noisy = False
    reactor.adoptStreamConnection(LINE, socket.AF_UNIX, factory)
    os.close(LINE)  # the connection has a copy
    return server
