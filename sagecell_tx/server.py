"""The whole server as one Twisted service, which stops its parts in reverse order."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredList, succeed
from twisted.internet.error import CannotListenError
from twisted.logger import ILogObserver, Logger
from twisted.python.components import Componentized
from typing_extensions import override

from sagecell_tx.config import ConfigError
from sagecell_tx.http.connections.accepting import ListeningPorts
from sagecell_tx.http.connections.limits import ConnectionLimits
from sagecell_tx.http.nodes.siblings import Siblings
from sagecell_tx.process.resources import allow_many_descriptors
from sagecell_tx.process.systemd import Notifier
from sagecell_tx.sessions.fleet.fleet import Fleet
from sagecell_tx.sessions.interfaces import HostService
from sagecell_tx.sessions.pool.pool import ReadyKernels
from sagecell_tx.store.database import Database

_log = Logger()

#: How often a server that has taken over tries to open an address for operators, and seconds between
#: two attempts.
ATTEMPTS = 20
PAUSE = 0.5


def why_not_open(endpoint: str, error: Exception) -> str:
    """Why an endpoint could not be opened, as a sentence for the operator."""
    cause = error.socketError if isinstance(error, CannotListenError) else error
    why = str(cause)
    if isinstance(cause, OSError):
        why = cause.strerror or why
        if cause.errno == errno.EADDRINUSE:
            why = "another program uses it already, perhaps another sagecell-tx"
        elif cause.errno == errno.EADDRNOTAVAIL:
            why = "this machine does not have the address"
        elif cause.errno in (errno.EACCES, errno.EPERM) and not endpoint.startswith("unix"):
            why += "; ports below 1024 are for root, or need the capability CAP_NET_BIND_SERVICE"
    return f"{endpoint}: {why}"


@define(kw_only=True, eq=False)
class PermalinkServer(Service):
    """A database and listening services: a complete permalink server, and the base of `Server`.

    `on_up` is called when it is ready; it is for what concerns the whole process.
    """

    reactor: Any
    database: Database
    listening: Sequence[Service]
    ports: ListeningPorts
    notifier: Notifier
    log_observer: ILogObserver | None = field(default=None, init=False)
    on_up: Callable[[], None] = field(default=lambda: None, init=False)
    _is_finishing: bool = field(default=False, init=False)

    @override
    def setServiceParent(self, parent: Any) -> None:
        """Become a part of twistd's application, which is then asked for the log's observer."""
        if self.log_observer is not None and isinstance(parent, Componentized):
            parent.setComponent(ILogObserver, self.log_observer)
        super().setServiceParent(parent)

    @override
    def privilegedStartService(self) -> None:
        """Open the ports, before twistd gives up its privileges.

        Raises SystemExit with one sentence if one cannot be opened.
        """
        self._open(self.listening)

    def _open(self, services: Sequence[Service]) -> None:
        for service in services:
            try:
                service.privilegedStartService()
            except (CannotListenError, OSError, OverflowError) as error:
                sentence = why_not_open(str(service.name), error)
                raise SystemExit(f"sagecell-tx: listen: {sentence}") from error

    @override
    def startService(self) -> None:
        """Start; systemd is notified later, when the server is ready."""
        super().startService()
        # Only this account may read the database, and the files that SQLite keeps beside it.
        os.umask(0o077)
        allow_many_descriptors()
        try:
            self._claim()
            self.database.upgrade()
            self._begin()
        except ConfigError as error:
            raise SystemExit(f"sagecell-tx: {error}") from error
        # Only when the reactor runs: its start installs other handlers.
        self.reactor.callWhenRunning(self._stop_on_signals)
        for service in self.listening:
            service.startService()

    def _claim(self) -> None:
        """Lock what two servers cannot share. Nothing is changed before. Raises `ConfigError`."""

    def _begin(self) -> None:
        """Start what needs the database, which is up to date now. Raises `ConfigError`."""
        self.reactor.callWhenRunning(self._up)

    @override
    def stopService(self) -> Deferred[None]:
        """Stop in reverse order; fires when all kernels and their directories are gone."""
        super().stopService()
        self.notifier.stopping()
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        await self._say_goodbye()
        self.ports.close()
        await self._stop_listening()
        await self._end()
        await self.database.close()
        _log.info("stopped")

    def _stop_listening(self) -> Deferred[Any]:
        """Close the ports; fires when they are closed. May be repeated."""
        listening, self.listening = self.listening, ()
        closing = [service.stopService() for service in listening]
        return DeferredList([each for each in closing if isinstance(each, Deferred)])

    async def _say_goodbye(self) -> None:
        """End the sessions while the ports are open, so that clients receive the reason."""

    async def _end(self) -> None:
        """Stop what needs the database; no requests arrive any more."""

    def _stop_on_signals(self) -> None:
        """Stop in order on SIGTERM, SIGINT and SIGHUP, and exit with status 0."""
        # Otherwise twistd ends itself by SIGTERM or SIGINT after a clean stop, and SIGHUP kills it
        # at once.
        for number, act in (
            (signal.SIGTERM, self.finish),
            (signal.SIGINT, self.finish),
            (signal.SIGHUP, self._hung_up),
        ):
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup ignores SIGHUP
                signal.signal(number, self._handler(act))

    def _handler(self, act: Callable[[], None]) -> Callable[..., None]:
        # A function, as `getsignal` writes a handler out: an object with all that the server refers to.
        return lambda *_: self.reactor.callFromThread(act)

    def _hung_up(self) -> None:
        """SIGHUP was received."""
        self.finish()

    @property
    def is_finishing(self) -> bool:
        """Whether the reactor is being stopped."""
        return self._is_finishing

    def finish(self) -> None:
        """Stop the reactor, once: it raises if it is stopped twice."""
        if not self._is_finishing:
            self._is_finishing = True
            self.reactor.stop()

    def _up(self, _: object = None) -> None:
        if self.running:  # it may have been stopped while the host was loading
            self.notifier.ready()
            _log.info("ready")
            self.on_up()


@define(kw_only=True, eq=False)
class Server(PermalinkServer):
    """The full server. Each part depends on those that are started before it.

    With `takes_over`, the other servers of this machine are drained once this one is up. If it `follows`, there
    are such servers, which have the addresses of `observing` until then: listeners for operators, and the like.
    `when_left` fires when clients whose connections end here have been told what other processes have for them.
    `on_drained` is called before it stops because it was drained.
    """

    sweeping: Service
    host: HostService
    ready: ReadyKernels
    fleet: Fleet
    siblings: Siblings
    connections: ConnectionLimits
    shortfalls: Callable[[], Iterable[str]]  # sentences: what does not suffice for all kernels
    when_left: Callable[[], Deferred[None]] = lambda: succeed(None)
    observing: Sequence[Service] = ()
    takes_over: bool = False
    follows: bool = False
    on_drained: Callable[[], object] = lambda: None
    has_terminal: Callable[[], bool] = lambda: os.isatty(0)
    _emptied: Deferred[None] = field(init=False)

    @override
    def privilegedStartService(self) -> None:
        """Open the ports; see `PermalinkServer`."""
        super().privilegedStartService()
        if not self.follows:
            self._open(self.observing)

    @override
    def startService(self) -> None:
        """Start everything; see `PermalinkServer`."""
        super().startService()
        if not self.follows:
            for service in self.observing:
                service.startService()

    def _observe(self, attempts: int = ATTEMPTS) -> None:
        """Open the addresses for operators, which the others are about to close."""
        for service in self.observing:
            if service.running or not self.running:
                continue
            try:
                self._open([service])
            except SystemExit as error:
                if attempts > 1:
                    self.reactor.callLater(PAUSE, self._observe, attempts - 1)
                    return
                _log.error("{why}", why=str(error))
            else:
                service.startService()

    @override
    def _stop_listening(self) -> Deferred[Any]:
        """Close all ports; fires when they are closed. May be repeated."""
        self.listening = (*self.listening, *self.observing)
        self.observing = ()
        return super()._stop_listening()

    @override
    def _claim(self) -> None:
        """Lock the kernels' directories: a second server fails before it changes the database."""
        self.host.claim()

    @override
    def _begin(self) -> None:
        """Start all parts; the server is ready when the host can start kernels."""
        self.host.startService()
        self.ready.startService()
        self.fleet.startService()
        self.sweeping.startService()
        self.siblings.startService()
        self.host.when_up().addCallback(self._up)

    @override
    def _up(self, _: object = None) -> None:
        if self.running:
            for sentence in self.shortfalls():
                _log.warn("{sentence}", sentence=sentence)
            self.ports.release()
            if self.takes_over:
                taken_over = self.siblings.take_over()
                if self.follows:
                    taken_over.addCallback(lambda _: self._observe())
        super()._up()

    @override
    def _hung_up(self) -> None:
        """Drain; a second time, or where the terminal was closed, stop at once."""
        if self.fleet.draining is None and not self.has_terminal():
            self.drain()
        else:
            self.finish()

    def drain(self, has_successor: bool = False) -> None:
        """Admit nobody more, and stop when all sessions have ended, or their time is over.

        A successor has the same listening sockets, and all new connections from now on. Without one, the
        ports stay open: clients learn why they are refused. A second time, nothing happens, unless there is a
        successor now.
        """
        if not self.running:
            return
        if self.fleet.draining is None:
            self._begin_to_drain()
        if has_successor:
            self._stop_listening()

    def _begin_to_drain(self) -> None:
        drained = self.fleet.drain()
        _log.info(
            "draining: no new sessions; {count} have {seconds} seconds to end",
            count=len(self.fleet),
            seconds=round(self.fleet.limits.lifetime.drain_seconds),
        )
        self.notifier.status("draining: no new sessions")
        self.siblings.mark_draining()
        self.connections.move_on()
        drained.addCallback(lambda _: self._drained())

    def _drained(self) -> None:
        if not self._is_finishing:
            self.on_drained()
        self.finish()

    @override
    async def _say_goodbye(self) -> None:
        self.host.hurry()
        self._emptied = self.ready.stopService()  # first: the pool replaces kernels that end
        await self.fleet.stopService()
        await self.when_left()

    @override
    async def _end(self) -> None:
        await self._emptied
        await self.siblings.stopService()
        await self.host.stopService()
        await self.sweeping.stopService()
