"""The connections that were let in: how many each address has, and who waits for a request.

A connection costs a descriptor whether it says something or not. So each address may have a
number of them, and where there are too many of all, those that have waited longest for a
request are hung up on first: whoever means to ask has asked by then.
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
    """A connection that waits for a request, or for its client to take the last answer."""

    def hang_up(self) -> None:
        """End the connection at once, whatever it has received."""


def nobody(_: IAddress) -> str:
    """Counts no connection."""
    return ""


@define(kw_only=True)
class ConnectionLimits:
    """All connections of the server.

    `counted_as` gives the name by which a peer's connections are counted, or nothing for a peer
    whose connections are not. Of each name there may be `most`; with 0 there is no limit.
    """

    most: int = 0
    counted_as: Callable[[IAddress], str] = nobody
    _by_name: Counter[str] = field(factory=Counter, init=False)
    _crowded: set[str] = field(factory=set, init=False)  # have reached `most`, as was logged
    _waiting: dict[IdleConnection, None] = field(factory=dict, init=False)  # the longest one first

    def __len__(self) -> int:
        """How many connections there are that are counted."""
        return self._by_name.total()

    def enter(self, peer: IAddress) -> Callable[[], None] | None:
        """A connection was let in: what to call once at its end, or None when it is one too many."""
        name = self.counted_as(peer)
        if not name:
            return _nothing
        if 0 < self.most <= self._by_name[name]:
            if name not in self._crowded:
                self._crowded.add(name)
                _log.warn(
                    "{name} has {most} connections and gets no more", name=name, most=self.most
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
        """From now on, nobody works on what a connection has asked for."""
        self._waiting.pop(connection, None)
        self._waiting[connection] = None

    def mark_active(self, connection: IdleConnection) -> None:
        """Its request is there, or it has ended. A second time changes nothing."""
        self._waiting.pop(connection, None)

    def hang_up(self, most: int) -> int:
        """Hang up on those that have waited longest, `most` at most; tells how many."""
        longest = list(islice(self._waiting, max(0, most)))
        for connection in longest:
            self.mark_active(connection)
            connection.hang_up()
        return len(longest)


def _nothing() -> None:
    """The end of a connection that is not counted."""
