"""Refuses connections for a while before the process runs out of descriptors.

A process without free descriptors cannot fork, open its database or reach its kernels. So once 80 %
are in use, each new connection replaces the one that has waited longest for a request. If none
waits, new connections are answered with 503 (`refusing.py`), and the accepted ones continue
undisturbed. What is left up to 90 % is the reserve for these answers. From there on the oldest
refused connection is closed for a new one, and the ports stop for a moment. The reactor accepts
several more before it sees that; from 95 % on these are closed: connections that make room keep
their descriptors until the reactor's next turn.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from enum import Enum, auto

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IDelayedCall,
    IListeningPort,
    IProtocolFactory,
    IReactorTime,
    IStreamServerEndpoint,
)
from twisted.logger import Logger
from zope.interface import implementer

from sagecell_tx.http.connections.refusing import Refusals
from sagecell_tx.process.capacity import DESCRIPTORS

_log = Logger()

#: The fraction of all descriptors in use at which connections are refused, and until which.
REFUSED_AT = 0.80
ACCEPTED_AT = 0.75

#: The fraction at which the ports stop for a moment, and from which on connections are closed.
FULL_AT = 0.90
LAST_AT = 0.95

#: Most connections accepted in the reactor's first turn after the ports were stopped. The
#: connections that make room for them keep their descriptors until the next turn.
AT_FIRST = 20

#: Seconds between two checks while connections are refused.
INTERVAL = 0.25


class Verdict(Enum):
    """What becomes of a new connection."""

    STAYS = auto()
    REFUSED = auto()  # with an answer
    CLOSED = auto()  # at once


#: Stands for a number that is not known, since no descriptor is free.
_NONE_FREE = 1 << 30


def descriptors() -> int:
    """How many descriptors this process has open; very many if none is left to look with."""
    try:
        return os.stat("/proc/self/fd").st_size or len(os.listdir("/proc/self/fd"))
    except OSError:
        return _NONE_FREE


def quick_count() -> int:
    """The same as `descriptors`; before Linux 6.2, which cannot tell it quickly, a lower bound."""
    return os.stat("/proc/self/fd").st_size or _lowest_free()


def _lowest_free() -> int:
    """The lowest free descriptor: there may be free ones below others that are in use."""
    try:
        descriptor = os.open("/", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return _NONE_FREE
    os.close(descriptor)
    return descriptor


@define(kw_only=True)
class ListeningPorts:
    """All ports of the server.

    `limit` gives the number of descriptors that the process may have. `hang_up` closes at most so
    many connections that wait for a request, and returns how many it closed. `refusals` has the
    connections that are refused with an answer.
    """

    clock: IReactorTime
    limit: Callable[[], int]
    refusals: Refusals
    hang_up: Callable[[int], int] = lambda _: 0
    in_use: Callable[[], int] = descriptors
    in_use_quickly: Callable[[], int] = quick_count
    _ports: list[IListeningPort] = field(factory=list, init=False)
    _refusing: bool = field(default=False, init=False)  # as was logged
    _stopped: bool = field(default=False, init=False)  # the ports
    _held: bool = field(default=False, init=False)  # the ports, until the server is up
    _watch: IDelayedCall | None = field(default=None, init=False)

    def add(self, port: IListeningPort) -> IListeningPort:
        """Stop and start this port as well from now on."""
        self._ports.append(port)
        if self._held:
            port.stopReading()  # type: ignore[attr-defined]
        return port

    def hold(self) -> None:
        """Accept nothing on ports that are added from now on: another server does, on the same sockets."""
        self._held = True

    def release(self) -> None:
        """Accept on all ports. Harmless if they were not held."""
        if self._held:
            self._held = False
            for port in self._ports:
                port.startReading()  # type: ignore[attr-defined]

    def has_room(self) -> bool:
        """Whether a kernel may be started.

        Connections that wait for a request make room for it, as for a new connection. Their descriptors are
        free in the reactor's next turn.
        """
        in_use, limit = self.in_use_quickly(), self.limit()
        if in_use < REFUSED_AT * limit:
            return True
        return in_use < FULL_AT * limit and self.hang_up(DESCRIPTORS) == DESCRIPTORS

    def accepted(self) -> Verdict:
        """A connection was accepted. Returns what becomes of it; may stop the ports."""
        in_use, limit = self.in_use_quickly(), self.limit()
        if in_use < (ACCEPTED_AT if self._refusing else REFUSED_AT) * limit:
            return Verdict.STAYS
        verdict = Verdict.STAYS
        if not self.hang_up(1):
            self._refuse(limit)
            verdict = Verdict.REFUSED
        if in_use >= FULL_AT * limit:
            self._stop()
            if verdict is Verdict.REFUSED and not self.refusals.hang_up(1):
                return Verdict.CLOSED
        return verdict if in_use < LAST_AT * limit else Verdict.CLOSED

    def _refuse(self, limit: int) -> None:
        if not self._refusing:
            self._refusing = True
            _log.warn(
                "new connections are refused for now: of {limit} descriptors, {used} are in use",
                limit=limit,
                used=self._used(limit),
            )
            self._look_later()

    def _stop(self) -> None:
        if not self._stopped:
            self._stopped = True
            for port in self._ports:
                port.stopReading()  # type: ignore[attr-defined]
            self._look_later()

    def _used(self, limit: int) -> int:
        return min(self.in_use(), limit)

    def close(self) -> None:
        """Forget the ports, which are being closed for good, and the refused connections."""
        self._ports.clear()
        self.refusals.hang_up(len(self.refusals))
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None

    def _look_later(self) -> None:
        if self._watch is None:
            self._watch = self.clock.callLater(INTERVAL, self._look)

    def _look(self) -> None:
        self._watch, limit = None, self.limit()
        used = self._used(limit)
        too_many = used - int(ACCEPTED_AT * limit)
        if too_many > 0:
            self.hang_up(too_many)
        if self._stopped and used < FULL_AT * limit:
            self._start(int(LAST_AT * limit) - used)
        if too_many <= 0 and self._refusing:
            self._refusing = False
            _log.info("new connections are accepted again")
        if self._stopped or self._refusing:
            self._look_later()

    def _start(self, room: int) -> None:
        """Let the ports accept again; there is room for so many connections, at least one."""
        self._stopped = False
        for port in self._ports:
            # While connections are waiting, Twisted accepts 20 more in each turn than in the last.
            port.numberAccepts = max(1, min(AT_FIRST, room))  # type: ignore[attr-defined]
            with suppress(AttributeError):  # a port closed in the meantime has no socket
                port.startReading()  # type: ignore[attr-defined]


@implementer(IStreamServerEndpoint)
@define
class WatchedEndpoint:
    """An endpoint that adds its port to the `ListeningPorts`."""

    _endpoint: IStreamServerEndpoint
    _ports: ListeningPorts

    def listen(self, factory: IProtocolFactory) -> Deferred[IListeningPort]:
        """Listen; fires with the port, which was added to the listening ports."""
        return self._endpoint.listen(factory).addCallback(self._ports.add)
