"""A worker hangs if it has not answered several times in a row."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sagecell_tx.workers.watch import BEAT, MISSED, Watch


class WatchTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.asked: list[int] = []
        self.hangs = 0
        self.watch = Watch(clock=self.clock, ask=self.asked.append, on_hung=self.hung)
        self.watch.start()

    def hung(self) -> None:
        self.hangs += 1

    def beat(self, times: int) -> None:
        self.clock.pump([BEAT] * times)

    def test_one_that_answers_does_not_hang(self) -> None:
        for _ in range(5 * MISSED):
            self.beat(1)
            self.watch.answered(self.asked[-1])
        assert self.asked == list(range(1, 5 * MISSED + 1))
        assert self.hangs == 0

    def test_one_that_answers_late_does_not_hang(self) -> None:
        for _ in range(5):
            self.beat(MISSED - 1)
            self.watch.answered(self.asked[-1])
            self.watch.answered(1)
        assert self.hangs == 0

    def test_one_that_answers_nothing_hangs_and_is_asked_no_more(self) -> None:
        self.beat(MISSED)
        before = self.hangs
        self.beat(1)
        assert (before, self.hangs, len(self.asked)) == (0, 1, MISSED)
        assert self.clock.getDelayedCalls() == []

    def test_a_machine_that_slept_is_no_matter(self) -> None:
        self.clock.advance(100 * BEAT)
        assert (self.asked, self.hangs) == ([1], 0)

    def test_it_ends(self) -> None:
        for _ in range(2):
            self.watch.stop()
        assert self.clock.getDelayedCalls() == []
