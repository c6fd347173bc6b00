"""The ports, closed for a while before the process runs out of descriptors.

A process that has none left cannot fork, open its database or talk with its kernels. So once
four fifths are in use, those that have waited longest for a request are hung up on, one for each
that comes. When there are none, new connections wait in the operating system's queue, and those
who are in go on as if nothing was. The reactor lets many in before it sees that a port was
closed. Once 85 of a hundred are in use they are hung up on, and once 95 are even if others were
hung up on for them: these keep their descriptors until the reactor's next turn.
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

#: The part of all descriptors that may be in use while connections are let in, and the part
#: from which on they are let in again.
CLOSED_AT = 0.80
OPEN_AT = 0.75

#: The part from which on whoever comes is hung up on, and the same where others made room.
FULL_AT = 0.85
LAST_AT = 0.95

#: Connections that are let in at most in the reactor's first turn after the ports were opened
#: again. Those that are hung up on for them keep their descriptors until the next turn.
AT_FIRST = 20

#: Between two looks while the ports are closed, in seconds.
INTERVAL = 0.25


def descriptors() -> int:
    """How many descriptors this process has open."""
    return len(os.listdir("/proc/self/fd"))


def lowest_free() -> int:
    """The lowest descriptor that is free: never above the number in use, and cheap to know."""
    try:
        descriptor = os.open("/", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return 1 << 30  # there is none
    os.close(descriptor)
    return descriptor


@define(kw_only=True)
class ListeningPorts:
    """All ports of the server. `limit` tells how many descriptors there may be.

    `hang_up` ends so many connections that wait for a request, at most, and tells how many.
    """

    clock: IReactorTime
    limit: Callable[[], int]
    hang_up: Callable[[int], int] = lambda _: 0
    in_use: Callable[[], int] = descriptors
    at_least_in_use: Callable[[], int] = lowest_free
    _ports: list[IListeningPort] = field(factory=list, init=False)
    _watch: IDelayedCall | None = field(default=None, init=False)

    def add(self, port: IListeningPort) -> IListeningPort:
        """Watch over a port from now on."""
        self._ports.append(port)
        return port

    def accepted(self) -> bool:
        """A connection was let in: may it stay? It may be the last one for a while."""
        in_use, limit = self.at_least_in_use(), self.limit()
        if in_use < CLOSED_AT * limit:
            return True
        made_room = self.hang_up(1) > 0
        if self._watch is None and (in_use >= FULL_AT * limit or not made_room):
            self._shut(limit)
        return in_use < (LAST_AT if made_room else FULL_AT) * limit

    def _shut(self, limit: int) -> None:
        _log.warn(
            "no new connections: of {limit} descriptors, {used} are in use",
            limit=limit,
            used=self.in_use(),
        )
        for port in self._ports:
            port.stopReading()  # type: ignore[attr-defined]
        self._watch = self.clock.callLater(INTERVAL, self._look)

    def close(self) -> None:
        """The ports are being closed for good."""
        self._ports.clear()
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None

    def _look(self) -> None:
        self._watch = None
        too_many = self.in_use() - int(OPEN_AT * self.limit())
        if too_many > 0:
            self.hang_up(too_many)
            self._watch = self.clock.callLater(INTERVAL, self._look)
            return
        _log.info("new connections are let in again")
        for port in self._ports:
            # Twisted lets in 20 more in each turn than in the one before while others wait outside.
            port.numberAccepts = AT_FIRST  # type: ignore[attr-defined]
            with suppress(AttributeError):  # a port that was closed meanwhile has no socket
                port.startReading()  # type: ignore[attr-defined]


@implementer(IStreamServerEndpoint)
@define
class WatchedEndpoint:
    """An endpoint whose port is one of the listening ports."""

    _endpoint: IStreamServerEndpoint
    _ports: ListeningPorts

    def listen(self, factory: IProtocolFactory) -> Deferred[IListeningPort]:
        """Listen, and watch over the port."""
        return self._endpoint.listen(factory).addCallback(self._ports.add)
