"""Who may start a kernel, and who waits. Places are taken on request and released once."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable

from attrs import define, field
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from sagecell_tx.limits import AdmissionLimits
from sagecell_tx.sessions.admission import refusals
from sagecell_tx.sessions.admission.budgets import Budgets
from sagecell_tx.sessions.admission.queue import Pace, Position, Queue, QueueEntry
from sagecell_tx.sessions.admission.refusals import Refused
from sagecell_tx.sessions.admission.visitors import Purpose, Scope, Visitor

_log = Logger()


@define(eq=False)
class Place:
    """One kernel's share of the budgets."""

    _pool: PlacePool
    visitor: Visitor
    _taken: bool = field(default=True, init=False)
    _leaving: bool = field(default=False, init=False)

    def start_again(self) -> None:
        """The kernel is to be restarted; raises `Refused` if the visitor has started too many."""
        self._pool.start_again(self.visitor)

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

    def start_again(self, visitor: Visitor) -> None:
        """A kernel is to be restarted: see `Budgets.start_again`."""
        self.budgets.start_again(visitor, self.clock.seconds())

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


@define(kw_only=True)
class Admission:
    """Admits visitors: a pool of places for each purpose, so that none starves the others.

    `has_room` tells whether the process has what a further kernel needs, whatever the limits allow.
    `places` is how many kernels all machines together take; it may change, see `set_places`.
    """

    limits: AdmissionLimits
    clock: IReactorTime
    has_room: Callable[[], bool] = lambda: True
    places: float = field(default=math.inf, init=False)
    pools: dict[Purpose, PlacePool] = field(init=False)
    refused: Counter[str] = field(factory=Counter, init=False)  # by code
    _draining: bool = field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        sizes = {
            Purpose.KERNEL: self.limits.kernels,
            Purpose.SERVICE: self.limits.service_kernels,
            Purpose.COMPLETER: 1,  # for everybody
            Purpose.CHECK: 1,
        }
        self.pools = {
            purpose: PlacePool(
                size=size,
                limits=self.limits,
                clock=self.clock,
                has_place=lambda: self.taken < self.places,
                on_released=self._serve,
            )
            for purpose, size in sizes.items()
        }

    @property
    def taken(self) -> int:
        """The number of places in use."""
        return sum(pool.taken for pool in self.pools.values())

    def set_places(self, places: float) -> None:
        """There are so many places for all purposes now: serves the queues. Nobody loses a place."""
        self.places = places
        self._serve()

    def _serve(self) -> None:
        """Serve all queues: a place that one pool has released may be another's."""
        if self.places < math.inf:
            for pool in self.pools.values():
                pool.serve()

    @property
    def is_untouched(self) -> bool:
        """Whether no place is in use and nobody waits."""
        pools = self.pools.values()
        return not any(pool.taken or pool.queue for pool in pools) and all(
            pool.budgets.is_whole for pool in pools
        )

    @property
    def is_draining(self) -> bool:
        """Whether everybody is refused."""
        return self._draining

    def waiting(self, purpose: Purpose) -> int:
        """How many wait in the queue."""
        return len(self.pools[purpose].queue)

    def admit(
        self,
        visitor: Visitor,
        *,
        patience: float,
        on_moved: Callable[[Position], None] = lambda _: None,
    ) -> Deferred[Place]:
        """Request a place.

        Fires with the place, which the caller has to release, at once if one is free and
        otherwise at its turn. Fails with `Refused`, at once if a budget is spent or the queue is
        full, otherwise after `patience` seconds in the queue. `on_moved` is called with each new
        position. Cancelling leaves the queue.
        """
        try:
            if self._draining:
                raise refusals.draining()
            if not self.has_room():
                raise refusals.too_many_descriptors()
            place = self.pools[visitor.purpose].admit(visitor, patience=patience, on_moved=on_moved)
        except Refused as refused:
            place = fail(refused)
        return place.addErrback(self._count, visitor)

    @property
    def is_empty(self) -> bool:
        """Whether nobody has a place or waits for one, but for the completer, which nobody waits for."""
        pools = [pool for purpose, pool in self.pools.items() if purpose is not Purpose.COMPLETER]
        return not any(pool.taken or pool.queue for pool in pools)

    def close(self) -> None:
        """Refuse everybody from now on. Those in the queue go on waiting for their turn."""
        self._draining = True

    def drain(self) -> None:
        """Refuse everybody from now on, and those in the queue."""
        self.close()
        for pool in self.pools.values():
            pool.refuse_all()

    def reopen(self) -> None:
        """Admit visitors again."""
        self._draining = False

    def _count(self, failure: Failure, visitor: Visitor) -> Failure:
        if isinstance(failure.value, Refused):
            self.refused[failure.value.code] += 1
            who = {
                scope.value: _named(scope, name) for scope, name in visitor.names.items() if name
            }
            # As a dict's repr: a name may contain anything, line breaks as well.
            _log.info(
                "refused {purpose} {who!r}: {code}",
                purpose=visitor.purpose.value,
                who=who,
                code=failure.value.code,
            )
        return failure


def _named(scope: Scope, name: str) -> str:
    """A name for the log: pages are told apart by a part of theirs, with which nobody can pass for one."""
    return f"{name[:8]}..." if scope is Scope.CELL_SESSION else name
