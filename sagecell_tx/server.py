"""The whole server as one Twisted service: what is started first is stopped last."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from typing import Any

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredList
from twisted.logger import Logger
from typing_extensions import override

from sagecell_tx.config import ConfigError
from sagecell_tx.http.connections.accepting import ListeningPorts
from sagecell_tx.process.resources import allow_many_descriptors
from sagecell_tx.process.systemd import Notifier
from sagecell_tx.sessions.fleet.fleet import Fleet
from sagecell_tx.sessions.interfaces import HostService
from sagecell_tx.sessions.pool.pool import ReadyKernels
from sagecell_tx.store.database import Database

_log = Logger()


@define(kw_only=True, eq=False)
class PermalinkServer(Service):
    """A database and what listens: all of a server of permalinks, and the frame of any other."""

    reactor: Any
    database: Database
    listening: Sequence[Service]
    ports: ListeningPorts
    notifier: Notifier

    @override
    def privilegedStartService(self) -> None:
        """Open the ports while that is still allowed."""
        for service in self.listening:
            service.privilegedStartService()

    @override
    def startService(self) -> None:
        """Start; systemd is told when there is what is served."""
        super().startService()
        # What the server writes is its own: the database, and what SQLite keeps beside it.
        os.umask(0o077)
        allow_many_descriptors()
        try:
            self._claim()
            self.database.upgrade()
            self._begin()
        except ConfigError as error:
            raise SystemExit(f"sagecell-tx: {error}") from error
        # Once the reactor runs: it installs handlers of its own when it starts.
        self.reactor.callWhenRunning(self._stop_on_signals)
        for service in self.listening:
            service.startService()

    def _claim(self) -> None:
        """Before anything is changed: have what no two servers can. Raises `ConfigError`."""

    def _begin(self) -> None:
        """The database is there: start what rests on it. Raises `ConfigError`."""
        self.reactor.callWhenRunning(self._up)

    @override
    def stopService(self) -> Deferred[None]:
        """Stop in reverse; fires when no process and no directory of ours is left."""
        super().stopService()
        self.notifier.stopping()
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        await self._say_goodbye()
        self.ports.close()
        closing = [service.stopService() for service in self.listening]
        await DeferredList([each for each in closing if isinstance(each, Deferred)])
        await self._end()
        await self.database.close()
        _log.info("stopped")

    async def _say_goodbye(self) -> None:
        """The ports are open yet: end what its clients are to hear of."""

    async def _end(self) -> None:
        """Nobody asks any more: stop what rests on the database."""

    def _stop_on_signals(self) -> None:
        """Being told to stop is no failure: twistd would end by SIGTERM, not with 0, or at once."""
        for number in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup wants it
                signal.signal(number, lambda *_: self.reactor.callFromThread(self.reactor.stop))

    def _up(self, _: object = None) -> None:
        self.notifier.ready()
        _log.info("ready")


@define(kw_only=True, eq=False)
class Server(PermalinkServer):
    """Everything, started and stopped in order: each part rests on those before it."""

    sweeping: Service
    host: HostService
    ready: ReadyKernels
    fleet: Fleet
    _emptied: Deferred[None] = field(init=False)

    @override
    def _claim(self) -> None:
        """A second server on one state directory does not even change the database."""
        self.host.claim()

    @override
    def _begin(self) -> None:
        """Start; it is up when kernels can be had."""
        self.host.startService()
        self.ready.startService()
        self.fleet.startService()
        self.sweeping.startService()
        self.host.when_up().addCallback(self._up)

    @override
    async def _say_goodbye(self) -> None:
        self.host.hurry()
        self._emptied = self.ready.stopService()  # first, or it would replace what the fleet ends
        await self.fleet.stopService()

    @override
    async def _end(self) -> None:
        await self._emptied
        await self.host.stopService()
        await self.sweeping.stopService()
