"""The queue for kernels when all are in use: first come, first served."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable

from attrs import define, field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from sagecell_tx.sessions.admission.visitors import Scope, Visitor

_log = Logger()

#: The latest releases that the estimate uses, and the fewest that it needs.
_LATEST = 20
_FEWEST = 3


@frozen(kw_only=True)
class Position:
    """A position in the queue, from 1 up, and the estimated wait in seconds."""

    position: int
    seconds: int | None  # None: unknown


@define(eq=False, kw_only=True)
class QueueEntry:
    """A visitor who waits; `turn` fires when a place is free."""

    visitor: Visitor
    turn: Deferred[None]
    on_moved: Callable[[Position], None]
    timer: IDelayedCall
    _notified: int = field(default=0, init=False)

    def notify(self, where: Position) -> None:
        """Call `on_moved`, if the position has changed."""
        if where.position != self._notified:
            self._notified = where.position
            try:
                self.on_moved(where)
            except Exception:  # the others have to be notified, too
                _log.failure("a queue position could not be sent")


@define
class Pace:
    """How often kernels became free recently."""

    _latest: deque[float] = field(factory=lambda: deque(maxlen=_LATEST), init=False)

    def released(self, now: float) -> None:
        """A kernel became free."""
        self._latest.append(now)

    def estimate(self, position: int, now: float) -> int | None:
        """Estimated seconds until `position` kernels have become free; None if unknown.

        The time since the latest release counts, so the estimate grows while none becomes free.
        """
        if len(self._latest) < _FEWEST:
            return None
        each = (now - self._latest[0]) / (len(self._latest) - 1)
        return max(1, round(position * each))


@define
class Queue:
    """The waiting visitors, in order; at most `room` of them."""

    room: int
    _waiting: list[QueueEntry] = field(factory=list, init=False)
    _from: Counter[tuple[Scope, str]] = field(factory=Counter, init=False)

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def visitors(self) -> list[Visitor]:
        """Who waits, in order."""
        return [entry.visitor for entry in self._waiting]

    @property
    def positions(self) -> list[tuple[int, Visitor]]:
        """Who waits at which position, from 1 up."""
        return list(enumerate(self.visitors, 1))

    @property
    def is_full(self) -> bool:
        """Whether there is no room for one more."""
        return len(self._waiting) >= self.room

    def is_unfair_to_others(self, visitor: Visitor) -> bool:
        """Whether half of the room is taken by visitors of the same origin."""
        half = (self.room + 1) // 2
        return any(self._from[origin] >= half for origin in visitor.origins.items())

    def join(self, entry: QueueEntry) -> None:
        """Append an entry."""
        self._waiting.append(entry)
        self._from.update(entry.visitor.origins.items())

    def leave(self, entry: QueueEntry) -> None:
        """Remove an entry and cancel its timer."""
        self._waiting.remove(entry)
        for origin in entry.visitor.origins.items():
            self._from[origin] -= 1
            if not self._from[origin]:
                del self._from[origin]
        if entry.timer.active():
            entry.timer.cancel()

    def first(self) -> QueueEntry:
        """Remove the entry that has waited longest."""
        first = self._waiting[0]
        self.leave(first)
        return first

    def notify(self, pace: Pace, now: float) -> None:
        """Notify everybody whose position has changed."""
        for position, entry in enumerate(list(self._waiting), 1):
            entry.notify(Position(position=position, seconds=pace.estimate(position, now)))
