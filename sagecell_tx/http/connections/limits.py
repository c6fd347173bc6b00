"""The accepted connections: how many each address has, and which ones wait for a request.

Even a silent connection costs a descriptor. So each address may have a limited number, and when
there are too many in total, those that have waited longest for a request are closed first: a
client that wants something has usually asked by then.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import islice
from typing import Protocol

from attrs import define, field
from twisted.internet.interfaces import IAddress
from twisted.logger import Logger

_log = Logger()


class IdleConnection(Protocol):
    """A connection that waits for a request, or for its client to read the last answer."""

    def hang_up(self) -> None:
        """Close the connection at once, whatever it has received."""


def nobody(_: IAddress) -> str:
    """The `counted_as` of a server that counts no connections."""
    return ""


@define(kw_only=True)
class ConnectionLimits:
    """All connections of the server.

    `counted_as` gives the name by which a peer's connections are counted, or "" if they are not
    counted. Each name may have `most` connections; 0 means no limit.
    """

    most: int = 0
    counted_as: Callable[[IAddress], str] = nobody
    _by_name: Counter[str] = field(factory=Counter, init=False)
    _crowded: set[str] = field(factory=set, init=False)  # have reached `most`, as was logged
    _waiting: dict[IdleConnection, None] = field(factory=dict, init=False)  # the longest one first
    _asking: set[IdleConnection] = field(factory=set, init=False)
    _moves_on: bool = field(default=False, init=False)

    @property
    def asking(self) -> int:
        """How many connections have a request in progress, from the end of its headers; no WebSockets."""
        return len(self._asking)

    @property
    def moves_on(self) -> bool:
        """Whether each connection is closed after its next answer: the server is going to end."""
        return self._moves_on

    def move_on(self) -> None:
        """Close each connection after its next answer from now on, so that its client connects anew."""
        self._moves_on = True

    def __len__(self) -> int:
        """The number of counted connections."""
        return self._by_name.total()

    def enter(self, peer: IAddress) -> Callable[[], None] | None:
        """Count a connection. Returns what to call once at its end, or None for one too many."""
        name = self.counted_as(peer)
        if not name:
            return _nothing
        if 0 < self.most <= self._by_name[name]:
            if name not in self._crowded:
                self._crowded.add(name)
                _log.warn(
                    "refusing more connections of {name}, which has {most} already",
                    name=name,
                    most=self.most,
                )
            return None
        self._by_name[name] += 1
        return lambda: self._leave(name)

    def _leave(self, name: str) -> None:
        self._by_name[name] -= 1
        if self._by_name[name] <= self.most // 2:
            self._crowded.discard(name)
        if not self._by_name[name]:
            del self._by_name[name]

    def mark_idle(self, connection: IdleConnection) -> None:
        """The connection has no request in progress; from now on it may be closed to make room."""
        self._waiting.pop(connection, None)
        self._waiting[connection] = None
        self._asking.discard(connection)

    def mark_asking(self, connection: IdleConnection) -> None:
        """The headers of a request have arrived, and its answer is not written yet."""
        self._asking.add(connection)

    def mark_active(self, connection: IdleConnection) -> None:
        """The connection has a request in progress. Harmless if repeated."""
        self._waiting.pop(connection, None)

    def forget(self, connection: IdleConnection) -> None:
        """The connection has ended, or another protocol has taken it over. Harmless if repeated."""
        self._waiting.pop(connection, None)
        self._asking.discard(connection)

    def hang_up(self, most: int) -> int:
        """Close at most `most` idle connections, the longest idle first; returns how many."""
        longest = list(islice(self._waiting, max(0, most)))
        for connection in longest:
            self.forget(connection)
            connection.hang_up()
        return len(longest)


def _nothing() -> None:
    """The end of a connection that is not counted."""
