"""The lag of the reactor is measured by calls that are planned."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sagecell_tx.process.lag import INTERVAL, MOST, ReactorLag


class LagTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1_764_500_000.3)  # as seconds since the epoch are
        self.found: list[float] = []
        self.lag = ReactorLag(clock=self.clock, observe=self.found.append)
        self.lag.startService()

    def test_a_reactor_that_is_in_time(self) -> None:
        for _ in range(10_000):
            self.clock.advance(INTERVAL / 4)
        assert len(self.found) == pytest.approx(2500, abs=2)
        assert max(self.found) < 0.01

    def test_one_that_is_late(self) -> None:
        self.clock.advance(INTERVAL + 0.2)
        assert self.found == [pytest.approx(0.2, abs=0.001)]
        self.clock.advance(INTERVAL - 0.2)
        assert self.found[1] == pytest.approx(0, abs=0.001)

    def test_a_long_delay_counts_for_each_call_that_it_held_up(self) -> None:
        self.clock.advance(3 * INTERVAL + 0.1)
        late = [2 * INTERVAL + 0.1, INTERVAL + 0.1, 0.1]
        assert self.found == [pytest.approx(each, abs=0.001) for each in late]

    def test_a_machine_that_slept(self) -> None:
        self.clock.advance(86_400)
        assert len(self.found) == MOST
        del self.found[:]
        for _ in range(8):
            self.clock.advance(INTERVAL)
        assert len(self.found) == pytest.approx(8, abs=1)
        assert max(self.found) < 0.01

    def test_after_the_end_nothing_is_measured(self) -> None:
        self.lag.stopService()
        self.clock.advance(10)
        assert self.found == []
        assert self.clock.getDelayedCalls() == []
