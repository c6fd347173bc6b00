"""A worker's half of the places that the workers share: each is asked for, and the keeper gives it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from itertools import count
from typing import NoReturn

from attrs import define, field
from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from sagecell_tx.limits import AdmissionLimits
from sagecell_tx.sessions.admission import refusals
from sagecell_tx.sessions.admission.budgets import Budgets
from sagecell_tx.sessions.admission.places import Place
from sagecell_tx.sessions.admission.queue import Position
from sagecell_tx.sessions.admission.refusals import Refused
from sagecell_tx.sessions.admission.visitors import Purpose, Visitor
from sagecell_tx.workers.protocol import (
    Again,
    AliveAnswer,
    AliveQuestion,
    Answer,
    Ask,
    Denied,
    Drain,
    Granted,
    Leave,
    Moved,
    Release,
    Request,
    Wanted,
)

_log = Logger()

#: Seconds in which the keeper should have answered, after a visitor's patience if there is one.
GRACE = 5.0


def _unanswered(_: object, seconds: float) -> NoReturn:
    _log.error("the keeper has not answered")
    raise refusals.full(None)


@define(eq=False)
class _Asked:
    """A place that was asked for."""

    visitor: Visitor
    answer: Deferred[Place]
    on_moved: Callable[[Position], None]
    timer: IDelayedCall
    position: int = 0  # in the queue, as the keeper has said; 0 if it does not wait

    def moved(self, where: Position) -> None:
        """It has another position in the queue."""
        self.position = where.position
        try:
            self.on_moved(where)
        except Exception:  # the others have to be notified, too
            _log.failure("a queue position could not be sent")


@define(eq=False)
class _OwnQueue:
    """Those of this worker who wait; see `Waiting`."""

    room: int
    _asked: Mapping[int, _Asked]

    def __len__(self) -> int:
        return len(self.positions)

    @property
    def positions(self) -> list[tuple[int, Visitor]]:
        """Who waits at which position of the whole queue, in order."""
        return [(each.position, each.visitor) for each in self._asked.values() if each.position]


@define(kw_only=True, eq=False)
class SharedPool:
    """A `Pool` whose places the keeper gives. `size` is that for all workers; all else is this one's."""

    places: SharedPlaces
    limits: AdmissionLimits
    size: int
    taken: int = field(default=0, init=False)
    wanted: int = field(default=0, init=False)
    budgets: Budgets = field(init=False)
    asked: dict[int, _Asked] = field(factory=dict, init=False)
    queue: _OwnQueue = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.budgets = Budgets(self.limits)
        self.queue = _OwnQueue(self.limits.queue_length, self.asked)

    @property
    def is_empty(self) -> bool:
        """See `Pool.is_empty`."""
        return not self.taken and not self.asked

    def admit(
        self, visitor: Visitor, *, patience: float, on_moved: Callable[[Position], None]
    ) -> Deferred[Place]:
        """See `Pool.admit`."""
        if self.places.is_lost:
            return fail(refusals.draining())
        clock, number = self.places.clock, self.places.new_number()

        def withdraw(_: object) -> None:
            self._withdraw(number)

        answer: Deferred[Place] = Deferred(withdraw)
        timer = clock.callLater(patience + GRACE, self._lose_patience, number)
        self.asked[number] = _Asked(visitor, answer, on_moved, timer)
        self.budgets.take(visitor, clock.seconds())
        self.places.send(Ask(number, visitor, patience))
        return answer

    def serve(self) -> None:
        """See `Pool.serve`: the keeper does."""

    def refuse_all(self) -> None:
        """See `Pool.refuse_all`."""
        for number in list(self.asked):
            self._withdraw(number).answer.errback(refusals.draining())

    def _lose_patience(self, number: int) -> None:
        _log.error("the keeper has not answered")
        self._withdraw(number).answer.errback(refusals.full(None))

    def _withdraw(self, number: int) -> _Asked:
        """Want a place no more."""
        asked = self._forget(number)
        self.budgets.give_back(asked.visitor)
        self.places.send(Release(number))
        return asked

    def _forget(self, number: int) -> _Asked:
        asked = self.asked.pop(number)
        if asked.timer.active():
            asked.timer.cancel()
        return asked

    # --- for the keeper's answers

    def granted(self, number: int) -> None:
        """It has a place."""
        asked = self._forget(number)
        self.taken += 1
        asked.answer.callback(Place(_Owner(self, number), asked.visitor))

    def denied(self, number: int, refused: Refused) -> None:
        """It has none."""
        asked = self._forget(number)
        self.budgets.give_back(asked.visitor)
        asked.answer.errback(refused)


@define(eq=False)
class _Owner:
    """What one place belongs to; see `PlaceOwner`."""

    _pool: SharedPool
    _number: int

    def start_again(self, visitor: Visitor) -> Deferred[None]:
        """Ask the keeper."""
        return self._pool.places.ask_again(self._number)

    def leave(self, visitor: Visitor) -> None:
        """Tell the keeper, and count less here."""
        self._pool.budgets.leave(visitor)
        self._pool.places.send(Leave(self._number))

    def release(self, visitor: Visitor) -> None:
        """Tell the keeper, and count less here."""
        self._pool.taken -= 1
        self._pool.budgets.gone(visitor)
        self._pool.places.send(Release(self._number))


@define(kw_only=True, eq=False)
class SharedPlaces:
    """The pools of this worker by purpose. `send` sends the keeper a request; nothing once the line has ended.

    `on_wanted` is called when others wait for a place, `on_drain` when this worker is to drain.
    `processes` is the number of workers.
    """

    limits: AdmissionLimits
    processes: int
    clock: IReactorTime
    send: Callable[[Request], None]
    on_wanted: Callable[[], None] = lambda: None
    on_drain: Callable[[], None] = lambda: None
    pools: dict[Purpose, SharedPool] = field(init=False)
    is_lost: bool = field(default=False, init=False)
    new_number: Callable[[], int] = field(factory=lambda: partial(next, count(1)), init=False)
    _again: dict[int, Deferred[None]] = field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        sizes = {Purpose.KERNEL: self.limits.kernels, Purpose.SERVICE: self.limits.service_kernels}
        self.pools = {
            purpose: SharedPool(
                places=self, limits=self.limits, size=sizes.get(purpose, self.processes)
            )
            for purpose in Purpose
        }

    def ask_again(self, number: int) -> Deferred[None]:
        """Fires when the kernel in that place may be restarted; fails with `Refused`."""
        if self.is_lost:
            return fail(refusals.draining())
        asked = self.new_number()

        def forget(_: object) -> None:
            del self._again[asked]

        answer: Deferred[None] = Deferred(forget)
        self._again[asked] = answer
        self.send(Again(number, asked))
        return answer.addTimeout(GRACE, self.clock, _unanswered)

    def receive(self, answer: Answer) -> None:
        """The keeper has answered, or says something by itself."""
        if isinstance(answer, Wanted):
            self.pools[Purpose.KERNEL].wanted = answer.count
            if answer.count:
                self.on_wanted()
        elif isinstance(answer, Drain):
            self.on_drain()
        elif isinstance(answer, AliveQuestion):
            self.send(AliveAnswer(answer.number))
        elif isinstance(answer, Granted):
            self._granted(answer.number)
        elif isinstance(answer, Denied):
            self._denied(answer.number, answer.refused)
        else:
            self._moved(answer)

    def lose(self) -> None:
        """The keeper has ended: nobody gets a place any more."""
        self.is_lost = True
        for pool in self._with_asked():
            pool.refuse_all()
        while self._again:
            _, answer = self._again.popitem()
            answer.errback(refusals.draining())

    def _with_asked(self) -> Iterable[SharedPool]:
        return [pool for pool in self.pools.values() if pool.asked]

    def _pool_of(self, number: int) -> SharedPool | None:
        """The pool in which that place was asked for; None if it is wanted no more."""
        return next((pool for pool in self.pools.values() if number in pool.asked), None)

    def _granted(self, number: int) -> None:
        pool, again = self._pool_of(number), self._again.pop(number, None)
        if pool is not None:
            pool.granted(number)
        elif again is not None:
            again.callback(None)

    def _denied(self, number: int, refused: Refused) -> None:
        pool, again = self._pool_of(number), self._again.pop(number, None)
        if pool is not None:
            pool.denied(number, refused)
        elif again is not None:
            again.errback(refused)

    def _moved(self, moved: Moved) -> None:
        pool = self._pool_of(moved.number)
        if pool is not None:
            pool.asked[moved.number].moved(moved.where)
