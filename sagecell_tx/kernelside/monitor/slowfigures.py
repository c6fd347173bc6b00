"""Figures that take long to compute, so that they are computed seldom, or in turns."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Hashable, Iterator
from typing import TypeVar

from attrs import define, field

K = TypeVar("K", bound=Hashable)

#: Seconds that one turn of a kernel's count takes; a single step may take longer.
TURN = 0.02

#: Seconds of work after which a kernel whose descriptors and mappings are still not all counted
#: has exceeded its limit: for Linux, too, each of them takes some memory.
LONGEST = 3.0

#: The pause after a figure, as a multiple of the time that it took.
_PAUSES = 10


@define(eq=False)
class Seldom:
    """Caches a figure for a multiple of the time that it took to compute."""

    clock: Callable[[], float]
    pauses: int = _PAUSES
    _value: int = field(default=0, init=False)
    _until: float = field(default=0.0, init=False)

    def __call__(self, figure: Callable[[], int]) -> int:
        """The result of `figure`, or of the call before."""
        began = self.clock()
        if began >= self._until:
            self._value = figure()
            ended = self.clock()
            self._until = ended + self.pauses * (ended - began)
        return self._value


@define(eq=False)
class TurnOrder:
    """Whose count has a turn, where all of them together would hold up everything else."""

    clock: Callable[[], float]
    _number: int = field(default=0, init=False)
    _had: dict[Hashable, int] = field(factory=dict, init=False)  # when each had a turn, as a number

    def turns(self, waiting: Collection[K]) -> Iterator[K]:
        """Those who have a turn now, who waits longest first; as many as begin within `TURN`."""
        until = self.clock() + TURN
        self._had = {each: self._had[each] for each in waiting if each in self._had}
        for each in sorted(waiting, key=lambda one: self._had.get(one, 0)):
            self._number += 1
            self._had[each] = self._number
            yield each
            if self.clock() >= until:
                return


@define(eq=False)
class TurnedCount:
    """A sum of very many numbers, computed in turns, and seldom.

    `size` is the larger one of the last whole sum and of what is counted of the next.
    """

    clock: Callable[[], float] = time.monotonic
    _numbers: Iterator[int] | None = field(default=None, init=False)
    _counted: int = field(default=0, init=False)
    _last: int = field(default=0, init=False)
    _cost: float = field(default=0.0, init=False)
    _until: float = field(default=0.0, init=False)

    @property
    def size(self) -> int:
        """What is known of the sum."""
        return max(self._last, self._counted)

    @property
    def under_way(self) -> bool:
        """Whether a count is unfinished, so that `go_on` has to be called."""
        return self._numbers is not None

    def begin(self, numbers: Callable[[], Iterator[int]]) -> None:
        """Begin a count, unless one is under way or has only just ended."""
        if self._numbers is None and self.clock() >= self._until:
            self._numbers, self._counted, self._cost = numbers(), 0, 0.0

    def go_on(self) -> bool:
        """Count for one turn; returns whether the count takes too long."""
        if self._numbers is None:
            return False
        began = self.clock()
        for number in self._numbers:
            self._counted += number
            if self.clock() - began > TURN:
                self._cost += self.clock() - began
                return self._cost > LONGEST
        self._cost += self.clock() - began
        self._numbers, self._last, self._counted = None, self._counted, 0
        self._until = self.clock() + _PAUSES * self._cost
        return False
