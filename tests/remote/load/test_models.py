"""When visitors come, by a clock that the test moves."""

from __future__ import annotations

from random import Random

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sagecell_tx.remote.load.models import ArrivalsModel, ClassModel, Model, Stage


@define(eq=False)
class Visited:
    """Evaluations that take `seconds` each."""

    clock: Clock
    seconds: float
    numbers: list[int] = field(factory=list)
    there: int = 0
    most: int = 0
    cancelled: int = 0

    def evaluate(self, number: int) -> Deferred[None]:
        self.numbers.append(number)
        self.there += 1
        self.most = max(self.most, self.there)
        timer = self.clock.callLater(self.seconds, lambda: done.callback(None))

        def cancel(_: Deferred[None]) -> None:
            timer.cancel()
            self.cancelled += 1

        done: Deferred[None] = Deferred(cancel)

        def leave(result: object) -> object:
            self.there -= 1
            return result

        return done.addBoth(leave)


class ModelTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.crowded = 0

    def stage(self, seconds: float, most: int = 10**6) -> Stage:
        def crowded() -> None:
            self.crowded += 1

        return Stage(
            clock=self.clock, random=Random(1), seconds=seconds, most=most, crowded=crowded
        )

    def run_to_the_end(self, model: Model, stage: Stage, visited: Visited) -> float:
        """Returns how many seconds it took."""
        done = model.run(visited.evaluate, stage)
        while not done.called:
            self.clock.advance(0.1)
        self.successResultOf(done)
        assert self.clock.getDelayedCalls() == []
        return self.clock.seconds()

    def test_a_class_evaluates_again_and_again_and_thinks_between(self) -> None:
        visited = Visited(self.clock, 1.0)
        took = self.run_to_the_end(ClassModel(visitors=20, think=9), self.stage(600), visited)
        assert 600 <= took < 602
        assert set(visited.numbers) == set(range(20))
        # Ten seconds each, the last one may begin just before the end.
        assert 20 * 48 < len(visited.numbers) < 20 * 72
        assert visited.most <= 20

    def test_a_slow_server_gets_less_from_a_class(self) -> None:
        visited = Visited(self.clock, 41.0)
        self.run_to_the_end(ClassModel(visitors=20, think=9), self.stage(600), visited)
        assert len(visited.numbers) < 20 * 15

    def test_a_class_that_does_not_think(self) -> None:
        visited = Visited(self.clock, 1.0)
        self.run_to_the_end(ClassModel(visitors=2, think=0), self.stage(10), visited)
        assert len(visited.numbers) in range(18, 23)

    def test_arrivals_do_not_wait_for_anybody(self) -> None:
        for seconds in (0.5, 50.0):
            clock = self.clock = Clock()
            visited = Visited(clock, seconds)
            took = self.run_to_the_end(
                ArrivalsModel(rate=5, at_once=10_000), self.stage(200), visited
            )
            assert 850 < len(visited.numbers) < 1150
            assert len(set(visited.numbers)) == len(visited.numbers)
            # Those who came are waited for.
            assert took >= 200
        assert self.crowded == 0

    def test_too_many_at_once_are_counted(self) -> None:
        visited = Visited(self.clock, 1000.0)
        self.run_to_the_end(ArrivalsModel(rate=5, at_once=7), self.stage(100), visited)
        assert visited.most == len(visited.numbers) == 7
        assert 400 < self.crowded < 600

    def test_the_number_of_evaluations_is_bounded(self) -> None:
        for model in (ClassModel(visitors=5, think=1), ArrivalsModel(rate=5, at_once=9)):
            visited = Visited(self.clock, 0.1)
            self.run_to_the_end(model, self.stage(1e6, most=12), visited)
            assert len(visited.numbers) == 12

    def test_cancelling_ends_all_visits(self) -> None:
        for model in (ClassModel(visitors=5, think=0), ArrivalsModel(rate=50, at_once=9)):
            visited = Visited(self.clock, 1000.0)
            done = model.run(visited.evaluate, self.stage(600))
            for _ in range(100):
                self.clock.advance(0.1)
            assert visited.there > 1
            done.cancel()
            done.addErrback(lambda failure: failure.trap(CancelledError) and None)
            self.successResultOf(done)
            assert visited.there == 0
            assert visited.cancelled == len(visited.numbers)
            assert self.clock.getDelayedCalls() == []
