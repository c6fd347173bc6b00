"""When visitors come: a class, in which everybody thinks between two evaluations, or arrivals at random.

A class waits for a slow server, and so sends it less: it shows what its members notice. Arrivals do not wait
for anybody, as those of a public page: they show what a server can take.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Iterator
from functools import partial
from itertools import count
from random import Random
from typing import Any, Protocol

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred, DeferredList
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

#: One evaluation of the visitor of that number.
Evaluate = Callable[[int], Deferred[None]]


class Model(Protocol):
    """Visitors over a time."""

    @property
    def sentence(self) -> str:
        """What it is."""

    def run(self, evaluate: Evaluate, stage: Stage) -> Deferred[None]:
        """Let visitors evaluate; fires when all are done. Cancelling ends all that is under way."""


@define(kw_only=True)
class Stage:
    """How long visitors come, in seconds from now, and how many evaluations there are at most.

    `crowded` is called for each visitor who would have come while too many were there.
    """

    clock: IReactorTime
    random: Random
    seconds: float
    most: int
    crowded: Callable[[], None] = lambda: None
    _end: float = field(init=False)
    _begun: int = field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        self._end = self.clock.seconds() + self.seconds

    @property
    def left(self) -> float:
        """Seconds until no visitor comes any more."""
        return self._end - self.clock.seconds() if self._begun < self.most else 0.0

    def begin(self) -> bool:
        """Count an evaluation; returns whether there may be another one."""
        if self.left <= 0:
            return False
        self._begun += 1
        return True

    def pause(self, seconds: float) -> Deferred[None]:
        """Fires after these seconds, or at the end."""
        return deferLater(self.clock, max(0.0, min(seconds, self.left)), lambda: None)


@define(kw_only=True)
class ClassModel:
    """So many visitors, each of whom thinks for about so many seconds between two evaluations."""

    visitors: int
    think: float

    @property
    def sentence(self) -> str:
        """See `Model.sentence`."""
        return f"a class of {self.visitors}, each thinking for about {self.think:g} s"

    def run(self, evaluate: Evaluate, stage: Stage) -> Deferred[None]:
        """See `Model.run`."""
        return Deferred.fromCoroutine(
            _all([self._visitor(number, evaluate, stage) for number in range(self.visitors)])
        )

    async def _visitor(self, number: int, evaluate: Evaluate, stage: Stage) -> None:
        # They do not all begin at the same moment.
        await stage.pause(stage.random.uniform(0, self.think))
        while stage.begin():
            await evaluate(number)
            # Nobody thinks for ever, as one of many would if times were merely exponential.
            await stage.pause(
                min(stage.random.expovariate(1 / self.think), 5 * self.think) if self.think else 0
            )


@define(kw_only=True)
class ArrivalsModel:
    """So many arrivals a second, at random; each evaluates once. At most `at_once` are there together."""

    rate: float
    at_once: int
    _there: int = field(default=0, init=False)

    @property
    def sentence(self) -> str:
        """See `Model.sentence`."""
        return f"{self.rate:g} arrivals a second"

    def run(self, evaluate: Evaluate, stage: Stage) -> Deferred[None]:
        """See `Model.run`."""
        return Deferred.fromCoroutine(_all([self._arrive(evaluate, stage)]))

    async def _arrive(self, evaluate: Evaluate, stage: Stage) -> None:
        numbers, visitors = count(), set[Deferred[None]]()
        due = stage.clock.seconds()
        try:
            while True:
                # From the planned moment, not from now: a busy reactor is late, and nobody is to be left out.
                due += stage.random.expovariate(self.rate)
                await stage.pause(due - stage.clock.seconds())
                if not stage.begin():
                    break
                if self._there >= self.at_once:
                    stage.crowded()
                    continue
                visitor = _begun(self._visit(numbers, evaluate))
                if not visitor.called:
                    visitors.add(visitor)
                    visitor.addCallback(partial(_forget, visitors, visitor))
            await DeferredList(list(visitors))
        except CancelledError:
            for visitor in list(visitors):
                visitor.cancel()
            raise

    async def _visit(self, numbers: Iterator[int], evaluate: Evaluate) -> None:
        self._there += 1
        try:
            await evaluate(next(numbers))
        finally:
            self._there -= 1


def _begun(visitor: Coroutine[Deferred[Any], Any, None]) -> Deferred[None]:
    """Fires at the visitor's end, also if that is cancelled."""
    return Deferred.fromCoroutine(visitor).addErrback(_cancelled)


def _cancelled(failure: Failure) -> None:
    failure.trap(CancelledError)


def _forget(visitors: set[Deferred[None]], visitor: Deferred[None], _: None) -> None:
    visitors.discard(visitor)


async def _all(visitors: Iterable[Coroutine[Deferred[Any], Any, None]]) -> None:
    """Wait for all; cancelling cancels them."""
    begun = [_begun(each) for each in visitors]
    try:
        await DeferredList(begun)
    except CancelledError:
        for each in begun:
            each.cancel()
        raise
