"""Who waits for a kernel when all are in use: first come, first served."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable

from attrs import define, field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from sagecell_tx.sessions.admission.visitors import Scope, Visitor

_log = Logger()

#: Releases that the estimate looks at: so many of the latest, and at least so many.
_LATEST = 20
_FEWEST = 3


@frozen(kw_only=True)
class Position:
    """Where one stands in the queue, from 1 up, and in how many seconds it may be over."""

    position: int
    seconds: int | None  # None: nobody knows


@define(eq=False, kw_only=True)
class QueueEntry:
    """One that waits; `turn` fires when it has waited long enough."""

    visitor: Visitor
    turn: Deferred[None]
    on_moved: Callable[[Position], None]
    timer: IDelayedCall
    _notified: int = field(default=0, init=False)

    def notify(self, where: Position) -> None:
        """Notify it of where it stands, if that has changed."""
        if where.position != self._notified:
            self._notified = where.position
            try:
                self.on_moved(where)
            except Exception:  # the others wait too
                _log.failure("telling a position in the queue")


@define
class Pace:
    """How often kernels have become free of late."""

    _latest: deque[float] = field(factory=lambda: deque(maxlen=_LATEST), init=False)

    def released(self, now: float) -> None:
        """A kernel became free."""
        self._latest.append(now)

    def estimate(self, position: int, now: float) -> int | None:
        """Seconds until so many have become free, at the pace of late; None when unknown.

        Up to now, not up to the latest: when none becomes free for long, hope fades.
        """
        if len(self._latest) < _FEWEST:
            return None
        each = (now - self._latest[0]) / (len(self._latest) - 1)
        return max(1, round(position * each))


@define
class Queue:
    """Those who wait, in order; at most `room` of them."""

    room: int
    _waiting: list[QueueEntry] = field(factory=list, init=False)
    _from: Counter[tuple[Scope, str]] = field(factory=Counter, init=False)

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def is_full(self) -> bool:
        """Whether nobody else may wait."""
        return len(self._waiting) >= self.room

    def is_unfair_to_others(self, visitor: Visitor) -> bool:
        """Whether half of the queue comes from where this one comes from."""
        half = (self.room + 1) // 2
        return any(self._from[origin] >= half for origin in visitor.origins.items())

    def join(self, entry: QueueEntry) -> None:
        """Come last."""
        self._waiting.append(entry)
        self._from.update(entry.visitor.origins.items())

    def leave(self, entry: QueueEntry) -> None:
        """Wait no longer."""
        self._waiting.remove(entry)
        for origin in entry.visitor.origins.items():
            self._from[origin] -= 1
            if not self._from[origin]:
                del self._from[origin]
        if entry.timer.active():
            entry.timer.cancel()

    def first(self) -> QueueEntry:
        """Take out who has waited longest."""
        first = self._waiting[0]
        self.leave(first)
        return first

    def notify(self, pace: Pace, now: float) -> None:
        """Tell everybody whose position has changed."""
        for position, entry in enumerate(list(self._waiting), 1):
            entry.notify(Position(position=position, seconds=pace.estimate(position, now)))
