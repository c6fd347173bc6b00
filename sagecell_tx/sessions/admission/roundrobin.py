"""Round-robin service for a few places: those who wait take turns.

However many items one asker has waiting, it has only a few places at a time.
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
    """At most `places` items are given a place at a time, and `each` of one asker.

    An asker is identified by a name. The empty one stands for unknown askers and may have all.
    """

    places: int
    each: int
    _waiting: dict[str, deque[T]] = field(factory=dict, init=False)  # in the order of their turns
    _served: Counter[str] = field(factory=Counter, init=False)

    def __len__(self) -> int:
        """How many items wait."""
        return sum(map(len, self._waiting.values()))

    def __iter__(self) -> Iterator[T]:
        """The waiting items."""
        return chain.from_iterable(self._waiting.values())

    def items(self) -> Iterator[tuple[str, T]]:
        """The waiting items, each with its asker."""
        return ((who, item) for who, waiting in self._waiting.items() for item in waiting)

    def join(self, who: str, item: T) -> None:
        """Let `item` wait for a place."""
        self._waiting.setdefault(who, deque()).append(item)

    def leave(self, who: str, item: T) -> None:
        """Remove a waiting item; raises KeyError or ValueError if it does not wait."""
        waiting = self._waiting[who]
        waiting.remove(item)
        if not waiting:
            del self._waiting[who]

    def next(self) -> T | None:
        """Give a place to the item whose turn it is; None if no waiting item may have one."""
        if self._taken >= self.places:
            return None
        for who, waiting in self._waiting.items():
            if who and self._served[who] >= self.each:
                continue
            item = waiting.popleft()
            del self._waiting[who]
            if waiting:
                self._waiting[who] = waiting  # after all others
            self._served[who] += 1
            return item
        return None

    def take(self, who: str) -> None:
        """Give this asker a place at once, even if none is free.

        What an asker has beyond its own share keeps its own items waiting and nobody else's.
        """
        self._served[who] += 1

    @property
    def _taken(self) -> int:
        return sum(
            min(number, self.each) if who else number for who, number in self._served.items()
        )

    def served(self, who: str) -> None:
        """Free a place of this asker."""
        self._served[who] -= 1
        if not self._served[who]:
            del self._served[who]
