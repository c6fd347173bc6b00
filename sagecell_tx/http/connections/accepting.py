"""Stops accepting connections for a while before the process runs out of descriptors.

A process without free descriptors cannot fork, open its database or reach its kernels. So once 80 %
are in use, each new connection replaces the one that has waited longest for a request. If none
waits, new connections stay in the operating system's queue, and the accepted ones continue
undisturbed. The reactor accepts several more before it sees that a port has stopped. From 85 % on
these are closed unless another connection made room, and from 95 % on in any case: the connections
that make room keep their descriptors until the reactor's next turn.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress

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

_log = Logger()

#: The fraction of all descriptors in use at which accepting stops, and at which it starts again.
CLOSED_AT = 0.80
OPEN_AT = 0.75

#: The fraction from which on new connections are closed, and the same if another one made room.
FULL_AT = 0.85
LAST_AT = 0.95

#: Most connections accepted in the reactor's first turn after accepting has started again. The
#: connections that make room for them keep their descriptors until the next turn.
AT_FIRST = 20

#: Seconds between two checks while nothing is accepted.
INTERVAL = 0.25

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
    many connections that wait for a request, and returns how many it closed.
    """

    clock: IReactorTime
    limit: Callable[[], int]
    hang_up: Callable[[int], int] = lambda _: 0
    in_use: Callable[[], int] = descriptors
    in_use_quickly: Callable[[], int] = quick_count
    _ports: list[IListeningPort] = field(factory=list, init=False)
    _watch: IDelayedCall | None = field(default=None, init=False)

    def add(self, port: IListeningPort) -> IListeningPort:
        """Stop and start this port as well from now on."""
        self._ports.append(port)
        return port

    def accepted(self) -> bool:
        """A connection was accepted. Returns whether it may stay; may stop accepting others."""
        in_use, limit = self.in_use_quickly(), self.limit()
        if in_use < CLOSED_AT * limit:
            return True
        made_room = self.hang_up(1) > 0
        if self._watch is None and (in_use >= FULL_AT * limit or not made_room):
            self._shut(limit)
        return in_use < (LAST_AT if made_room else FULL_AT) * limit

    def _shut(self, limit: int) -> None:
        _log.warn(
            "no new connections are accepted for now: of {limit} descriptors, {used} are in use",
            limit=limit,
            used=self._used(limit),
        )
        for port in self._ports:
            port.stopReading()  # type: ignore[attr-defined]
        self._watch = self.clock.callLater(INTERVAL, self._look)

    def _used(self, limit: int) -> int:
        return min(self.in_use(), limit)

    def close(self) -> None:
        """Forget the ports, which are being closed for good."""
        self._ports.clear()
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None

    def _look(self) -> None:
        self._watch, limit = None, self.limit()
        too_many = self._used(limit) - int(OPEN_AT * limit)
        if too_many > 0:
            self.hang_up(too_many)
            self._watch = self.clock.callLater(INTERVAL, self._look)
            return
        _log.info("new connections are accepted again")
        for port in self._ports:
            # While connections are waiting, Twisted accepts 20 more in each turn than in the last.
            port.numberAccepts = AT_FIRST  # type: ignore[attr-defined]
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
