"""Whose turn it is, when the connections of a site want more than one turn of the reactor has.

All WebSockets and all requests of a site share one `Rota`, in which clients take turns by their
addresses.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from heapq import heappop, heappush
from itertools import count

from attrs import define, field
from twisted.internet.interfaces import IReactorTime

#: Seconds that all connections together have in one turn of the reactor.
SHARE = 0.01

#: Seconds that one step counts at most. What lasts longer is not its client's doing: the machine or
#: its clock has jumped, and the client would wait until everybody else has had as much.
MOST = 10 * SHARE

#: Addresses that do not wait, and whose time is remembered, before it is looked who need not be.
REMEMBERED = 256


@define(kw_only=True, eq=False)
class Rota:
    """What all connections do in one turn of the reactor takes `SHARE` seconds together.

    Who finds no time left waits for later turns. There each address has the same time, however
    many of its connections wait: the next is whoever has had the least.
    """

    clock: IReactorTime
    _began: float | None = field(default=None, init=False)  # when this turn's first had its time
    _waiting: dict[str, deque[Callable[[], None]]] = field(factory=dict, init=False)
    #: Each of those names once, after the seconds that it has had. Who comes is where the least is.
    _order: list[tuple[float, int, str]] = field(factory=list, init=False)
    _tickets: Iterator[int] = field(factory=count, init=False)
    _level: float = field(default=0.0, init=False)  # the seconds of the last whose turn it was
    _ahead: dict[str, float] = field(factory=dict, init=False)  # of those who do not wait now
    _many: int = field(default=REMEMBERED, init=False)  # of them

    @property
    def has_time(self) -> bool:
        """Whether more may be done in this turn."""
        return self.clock.seconds() - self._beginning() < SHARE

    @property
    def is_free(self) -> bool:
        """Whether something may be begun in this turn: there is time, and nobody waits for it."""
        return self.has_time and not any(self._waiting.values())

    def wait(self, who: str, go_on: Callable[[], None]) -> None:
        """Call `go_on`, once, in a later turn."""
        if who not in self._waiting:
            self._waiting[who] = deque()
            least = self._order[0][0] if self._order else self._level
            self._line_up(who, max(least, self._ahead.pop(who, 0.0)))
        self._waiting[who].append(go_on)
        self._beginning()

    def leave(self, who: str, go_on: Callable[[], None]) -> None:
        """Do not call it. Harmless if it does not wait."""
        with suppress(KeyError, ValueError):
            self._waiting[who].remove(go_on)

    def _beginning(self) -> float:
        """When this turn's first had its time. It has now, if nobody had before."""
        now = self.clock.seconds()
        # A clock that was set back would keep the next turn from coming.
        if self._began is None or now < self._began:
            self._began = now
            self.clock.callLater(0, self._next)
        return self._began

    def _line_up(self, who: str, seconds: float) -> None:
        heappush(self._order, (seconds, next(self._tickets), who))

    def _next(self) -> None:
        self._began = None
        waiting = sum(map(len, self._waiting.values()))
        if not waiting:  # nobody is ahead of anybody
            self._waiting.clear()
            self._order.clear()
            self._ahead.clear()
        while waiting and self.has_time:
            waiting -= 1
            self._give_turn()

    def _give_turn(self) -> None:
        """Call what waits for whoever has had the least; those who have left are passed over."""
        while self._order:
            self._level, _, who = heappop(self._order)
            waiting = self._waiting[who]
            if waiting:
                began = self.clock.seconds()
                try:
                    waiting.popleft()()
                finally:
                    had = self._level + min(max(0.0, self.clock.seconds() - began), MOST)
                    if waiting:
                        self._line_up(who, had)
                    else:
                        del self._waiting[who]
                        self._remember(who, had)
                return
            del self._waiting[who]

    def _remember(self, who: str, seconds: float) -> None:
        """One does not wait any more. Who is not ahead of others comes back as if it was new."""
        self._ahead[who] = seconds
        if len(self._ahead) > self._many:
            self._ahead = {who: had for who, had in self._ahead.items() if had > self._level}
            self._many = max(REMEMBERED, 2 * len(self._ahead))
