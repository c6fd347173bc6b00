"""Shares the reactor's time among a site's clients when they have more work than one turn allows.

All WebSockets and requests of a site share one `Rota`, in which clients take turns by address.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from heapq import heappop, heappush
from itertools import count

from attrs import define, field
from twisted.internet.interfaces import IReactorTime

#: Seconds that all connections together may take in one turn of the reactor.
SHARE = 0.01

#: Seconds that one step counts at most. A longer one is not its client's fault: the machine paused,
#: or its clock jumped, and the client would have to wait until all others have had as much time.
MOST = 10 * SHARE

#: Addresses that do not wait and whose time is remembered, before those not needed are dropped.
REMEMBERED = 256


@define(kw_only=True, eq=False)
class Rota:
    """Gives all connections together `SHARE` seconds in each turn of the reactor.

    Work that finds no time left waits for later turns. These are shared equally among addresses,
    however many connections of each wait: the address that has had the least time is next.
    """

    clock: IReactorTime
    _began: float | None = field(default=None, init=False)  # when this turn's first work began
    _waiting: dict[str, deque[Callable[[], None]]] = field(factory=dict, init=False)
    #: Each of those names once, by the seconds that it has had. A new one starts at the least.
    _order: list[tuple[float, int, str]] = field(factory=list, init=False)
    _tickets: Iterator[int] = field(factory=count, init=False)
    _level: float = field(default=0.0, init=False)  # the seconds of the name that was last served
    _ahead: dict[str, float] = field(factory=dict, init=False)  # seconds of names that do not wait
    _many: int = field(default=REMEMBERED, init=False)  # the size at which `_ahead` is cleaned up

    @property
    def has_time(self) -> bool:
        """Whether this turn has time left."""
        return self.clock.seconds() - self._beginning() < SHARE

    @property
    def is_free(self) -> bool:
        """Whether new work may begin in this turn: there is time left, and nobody waits."""
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
        """Do not call `go_on` after all. Harmless if it does not wait."""
        with suppress(KeyError, ValueError):
            self._waiting[who].remove(go_on)

    def _beginning(self) -> float:
        """When this turn's first work began, which is now if there was none before."""
        now = self.clock.seconds()
        # If the clock was set back, the call that is scheduled already would come too late.
        if self._began is None or now < self._began:
            self._began = now
            self.clock.callLater(0, self._next)
        return self._began

    def _line_up(self, who: str, seconds: float) -> None:
        heappush(self._order, (seconds, next(self._tickets), who))

    def _next(self) -> None:
        self._began = None
        waiting = sum(map(len, self._waiting.values()))
        if not waiting:  # nobody waits, so past turns no longer matter
            self._waiting.clear()
            self._order.clear()
            self._ahead.clear()
        while waiting and self.has_time:
            waiting -= 1
            self._give_turn()

    def _give_turn(self) -> None:
        """Call the next work of the name that has had the least time; skip names that have left."""
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
        """Keep the time of a name that no longer waits, as long as it has had more than others."""
        self._ahead[who] = seconds
        if len(self._ahead) > self._many:
            self._ahead = {who: had for who, had in self._ahead.items() if had > self._level}
            self._many = max(REMEMBERED, 2 * len(self._ahead))
