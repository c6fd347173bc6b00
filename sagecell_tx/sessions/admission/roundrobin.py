"""Who is served next when there are few places: those who wait take turns.

However much one of them asks for, it has a few places at a time, and the others have theirs.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from itertools import chain
from typing import Generic, TypeVar

from attrs import define, field

T = TypeVar("T")


@define
class Turns(Generic[T]):
    """At most `places` are served at a time, of one asker `each`.

    An asker is known by a name. Nobody knows who is meant by the empty one, so it may have all.
    """

    places: int
    each: int
    _waiting: dict[str, deque[T]] = field(factory=dict, init=False)  # in the order of their turns
    _served: Counter[str] = field(factory=Counter, init=False)

    def __len__(self) -> int:
        """How many wait."""
        return sum(map(len, self._waiting.values()))

    def __iter__(self) -> Iterator[T]:
        """Those that wait."""
        return chain.from_iterable(self._waiting.values())

    def items(self) -> Iterator[tuple[str, T]]:
        """Those that wait, and who asked for them."""
        return ((who, item) for who, waiting in self._waiting.items() for item in waiting)

    def join(self, who: str, item: T) -> None:
        """Let `item` wait for a place."""
        self._waiting.setdefault(who, deque()).append(item)

    def leave(self, who: str, item: T) -> None:
        """It waits no longer; raises KeyError or ValueError if it did not."""
        waiting = self._waiting[who]
        waiting.remove(item)
        if not waiting:
            del self._waiting[who]

    def next(self) -> T | None:
        """Whose turn it is, which has a place from now on; None if there is none to be had."""
        if self._served.total() >= self.places:
            return None
        for who, waiting in self._waiting.items():
            if who and self._served[who] >= self.each:
                continue
            item = waiting.popleft()
            del self._waiting[who]
            if waiting:
                self._waiting[who] = waiting  # behind all others
            self._served[who] += 1
            return item
        return None

    def served(self, who: str) -> None:
        """A place of this asker is free again."""
        self._served[who] -= 1
        if not self._served[who]:
            del self._served[who]
