"""Tells whether a worker hangs: it is asked again and again, and answers as soon as it does anything at all."""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IReactorTime

#: Seconds between two questions, and how many have no answer in a row when a worker counts as hung. They are
#: counted, since the time goes on while the machine sleeps.
BEAT = 10.0
MISSED = 6


@define(kw_only=True, eq=False)
class Watch:
    """Calls `ask` with a number each `BEAT` seconds, and `on_hung` once, if `MISSED` were not answered."""

    clock: IReactorTime
    ask: Callable[[int], None]
    on_hung: Callable[[], None]
    _asked: int = field(default=0, init=False)
    _answered: int = field(default=0, init=False)
    _next: IDelayedCall | None = field(default=None, init=False)

    def start(self) -> None:
        """Begin to ask."""
        self._next = self.clock.callLater(BEAT, self._look)

    def answered(self, number: int) -> None:
        """The question with that number has been answered, and so have all before it."""
        self._answered = max(self._answered, number)

    def stop(self) -> None:
        """Ask no more. Harmless if repeated."""
        if self._next is not None:
            self._next.cancel()
            self._next = None

    def _look(self) -> None:
        self._next = None
        if self._asked - self._answered >= MISSED:
            self.on_hung()
            return
        self._asked += 1
        self._next = self.clock.callLater(BEAT, self._look)
        self.ask(self._asked)
