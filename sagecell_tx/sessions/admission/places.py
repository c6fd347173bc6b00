"""The places of one purpose: taken on request, at once or after a wait in the queue, and released once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from attrs import define, field
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IReactorTime

from sagecell_tx.limits import AdmissionLimits
from sagecell_tx.sessions.admission import refusals
from sagecell_tx.sessions.admission.budgets import Budgets
from sagecell_tx.sessions.admission.queue import Pace, Position, Queue, QueueEntry
from sagecell_tx.sessions.admission.refusals import Refused
from sagecell_tx.sessions.admission.visitors import Purpose, Visitor


class PlaceOwner(Protocol):
    """What a place belongs to."""

    def start_again(self, visitor: Visitor) -> Deferred[None]:
        """See `Place.start_again`."""

    def leave(self, visitor: Visitor) -> None:
        """See `Place.leave`; called once, before `release`."""

    def release(self, visitor: Visitor) -> None:
        """See `Place.release`; called once."""


@define(eq=False)
class Place:
    """One kernel's share of the budgets."""

    _pool: PlaceOwner
    visitor: Visitor
    _taken: bool = field(default=True, init=False)
    _leaving: bool = field(default=False, init=False)

    def start_again(self) -> Deferred[None]:
        """Fires when the kernel may be restarted; fails with `Refused` if the visitor has started too many.

        One that was released may be another visitor's by now: it fails as if there were none.
        """
        if not self._taken:
            return fail(refusals.full(None))
        return self._pool.start_again(self.visitor)

    def leave(self) -> None:
        """The kernel is being stopped: its page may start another one, the rest stays taken.

        A second time changes nothing.
        """
        if self._taken and not self._leaving:
            self._leaving = True
            self._pool.leave(self.visitor)

    def release(self) -> None:
        """Release the place to the first in the queue. Later calls do nothing."""
        if self._taken:
            self.leave()
            self._taken = False
            self._pool.release(self.visitor)


class Waiting(Protocol):
    """Those who wait for a place; at most `room` of them."""

    room: int

    def __len__(self) -> int:
        """How many wait."""

    @property
    def positions(self) -> list[tuple[int, Visitor]]:
        """Who waits at which position, from 1 up, in order."""


class Pool(Protocol):
    """The places of one purpose, of which this process has `taken` some. In all, there are `size`."""

    size: int
    taken: int
    budgets: Budgets  # what those have that this process has admitted

    @property
    def queue(self) -> Waiting:
        """Who waits in this process."""

    @property
    def is_empty(self) -> bool:
        """Whether nobody here has a place, waits or has asked for one."""

    @property
    def wanted(self) -> int:
        """How many kernels that nobody needs should make room, since others wait."""

    def admit(
        self, visitor: Visitor, *, patience: float, on_moved: Callable[[Position], None]
    ) -> Deferred[Place]:
        """See `Admission.admit`. May raise `Refused`."""

    def serve(self) -> None:
        """Give free places to the queue."""

    def refuse_all(self) -> None:
        """Refuse everybody in the queue, since the server is stopping."""


@define(kw_only=True)
class PlacePool:
    """The places of one purpose, its budgets, and the queue for when no place is free."""

    size: int
    limits: AdmissionLimits
    clock: IReactorTime
    # Whether there is a place beside those of all pools, and what is called when one is released.
    has_place: Callable[[], bool] = lambda: True
    on_released: Callable[[], None] = lambda: None
    taken: int = field(default=0, init=False)
    budgets: Budgets = field(init=False)
    queue: Queue = field(init=False)
    pace: Pace = field(factory=Pace, init=False)
    _serving: bool = field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        self.budgets = Budgets(self.limits)
        self.queue = Queue(self.limits.queue_length)

    def admit(
        self, visitor: Visitor, *, patience: float, on_moved: Callable[[Position], None]
    ) -> Deferred[Place]:
        """See `Admission.admit`."""
        now = self.clock.seconds()
        free = self._has_free_place and not self.queue
        self.budgets.check(visitor, now)
        if not free:
            self._check_queue(visitor)
        self.budgets.take(visitor, now)
        return succeed(self._take(visitor)) if free else self._wait(visitor, patience, on_moved)

    def start_again(self, visitor: Visitor) -> Deferred[None]:
        """A kernel is to be restarted: see `Budgets.start_again`."""
        try:
            self.budgets.start_again(visitor, self.clock.seconds())
        except Refused as refused:
            return fail(refused)
        return succeed(None)

    def leave(self, visitor: Visitor) -> None:
        """A kernel is being stopped: see `Budgets.leave`."""
        self.budgets.leave(visitor)

    def release(self, visitor: Visitor) -> None:
        """Free a place that was left, and serve the queue."""
        self.taken -= 1
        self.budgets.gone(visitor)
        self.pace.released(self.clock.seconds())
        self.serve()
        self.on_released()

    @property
    def is_empty(self) -> bool:
        """See `Pool.is_empty`."""
        return not self.taken and not self.queue

    @property
    def wanted(self) -> int:
        """See `Pool.wanted`."""
        return len(self.queue)

    def refuse_all(self) -> None:
        """Refuse everybody in the queue, since the server is stopping."""
        while self.queue:
            self._refuse(self.queue.first(), refusals.draining())

    def _check_queue(self, visitor: Visitor) -> None:
        if self.queue.is_full:
            raise refusals.full(self._next_free())
        if self.queue.is_unfair_to_others(visitor):
            raise refusals.too_many_waiting(self._next_free())

    def _next_free(self) -> int | None:
        """Estimated seconds until a place is free; None if unknown."""
        return self.pace.estimate(1, self.clock.seconds())

    def _take(self, visitor: Visitor) -> Place:
        self.taken += 1
        return Place(self, visitor)

    def _wait(
        self, visitor: Visitor, patience: float, on_moved: Callable[[Position], None]
    ) -> Deferred[Place]:
        def give_up(_: object) -> None:
            self._forget(entry)

        def lose_patience() -> None:
            self.queue.leave(entry)
            self._refuse(entry, refusals.full(self._next_free()))
            self._notify_queue()

        timer = self.clock.callLater(patience, lose_patience)
        turn: Deferred[None] = Deferred(give_up)
        entry = QueueEntry(visitor=visitor, turn=turn, on_moved=on_moved, timer=timer)
        self.queue.join(entry)
        self._notify_queue()
        return turn.addCallback(lambda _: self._take(visitor))

    def _forget(self, entry: QueueEntry) -> None:
        self.queue.leave(entry)
        self.budgets.give_back(entry.visitor)
        self._notify_queue()

    def _refuse(self, entry: QueueEntry, refused: Refused) -> None:
        self.budgets.give_back(entry.visitor)
        entry.turn.errback(refused)

    @property
    def _has_free_place(self) -> bool:
        return self.taken < self.size and self.has_place()

    def serve(self) -> None:
        """Give free places to the queue, in order.

        A start that fails at once releases its place during the callback; the loop serves it
        next, without a recursion as deep as the queue is long.
        """
        if self._serving:
            return
        self._serving = True
        try:
            while self.queue and self._has_free_place:
                self.queue.first().turn.callback(None)
                self._notify_queue()
        finally:
            self._serving = False

    def _notify_queue(self) -> None:
        self.queue.notify(self.pace, self.clock.seconds())


def place_pools(
    limits: AdmissionLimits,
    clock: IReactorTime,
    *,
    processes: int = 1,
    has_place: Callable[[], bool] = lambda: True,
    on_released: Callable[[], None] = lambda: None,
) -> dict[Purpose, PlacePool]:
    """A pool for each purpose, for so many web processes. For the rest see `PlacePool`."""
    sizes = {
        Purpose.KERNEL: limits.kernels,
        Purpose.SERVICE: limits.service_kernels,
        Purpose.COMPLETER: processes,  # one for everybody there
        Purpose.CHECK: processes,
    }
    return {
        purpose: PlacePool(
            size=size, limits=limits, clock=clock, has_place=has_place, on_released=on_released
        )
        for purpose, size in sizes.items()
    }
